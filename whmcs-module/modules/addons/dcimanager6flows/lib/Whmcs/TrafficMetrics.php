<?php

declare(strict_types=1);

namespace Dciflow\Whmcs;

use Dciflow\Request\ErrorBoundary;
use Dciflow\Store\Schema;
use Dciflow\Store\Tenants;
use Dciflow\Store\Traffic;
use WHMCS\UsageBilling\Contracts\Metrics\MetricInterface;
use WHMCS\UsageBilling\Contracts\Metrics\ProviderInterface;
use WHMCS\UsageBilling\Metrics\Metric;
use WHMCS\UsageBilling\Metrics\Units\FloatingPoint;
use WHMCS\UsageBilling\Metrics\Usage;

if (!defined('WHMCS')) {
    die('This file cannot be accessed directly');
}

/**
 * The traffic of the last month, for WHMCS's usage billing. It reads our own tables only.
 *
 * WHMCS keeps one record of a metric for each calendar month, overwritten at each look, and bills the sum of those that
 * it has not billed. A month that goes on is not known to its end at WHMCS's last look at it. So each month tells the
 * closed one before it: the same number at each look, all of it, once.
 * Source: https://developers.whmcs.com/provisioning-modules/usage-metrics
 */
final class TrafficMetrics implements ProviderInterface
{
    private const KBIT_PER_MBIT = 1000;

    private int $serverId;

    /** @param array<string, mixed> $params */
    public function __construct(array $params)
    {
        $this->serverId = (new ModuleParams($params))->int('serverid');
    }

    /** Asked for products, too, where there is no server: always the same. @return array<string, Metric> */
    public function metrics(): array
    {
        $metrics = [];
        foreach (['in' => 'in', 'out' => 'out', 'total' => 'in and out'] as $name => $words) {
            $gigabytes = new FloatingPoint('Gigabytes', 'GB', 'GB', null, ' GB');
            $metrics["traffic_$name"] = self::metric("traffic_$name", "Traffic $words, last month", $gigabytes);
        }
        $megabits = new FloatingPoint('Megabits per second', 'Mbit/s', 'Mbit/s', null, ' Mbit/s');
        $metrics['traffic_95th'] = self::metric('traffic_95th', 'Traffic, 95th percentile, last month', $megabits);
        return $metrics;
    }

    /** By tenant; who is not in it is not known. @return array<string, array<string, Metric>> */
    public function usage(): array
    {
        $usage = [];
        ErrorBoundary::quietly(function () use (&$usage): void {
            $all = [];
            foreach ($this->tenants() as $tenant => $serviceId) {
                $measured = $this->measured($serviceId);
                if ($measured !== null) {
                    $all[$tenant] = $measured;
                }
            }
            $usage = $all;
        });
        return $usage;
    }

    /**
     * @param mixed $tenant
     * @return array<string, Metric> without usage where it is not known
     */
    public function tenantUsage($tenant): array
    {
        $measured = null;
        ErrorBoundary::quietly(function () use ($tenant, &$measured): void {
            $serviceId = $this->tenants()[is_scalar($tenant) ? (string) $tenant : ''] ?? null;
            $measured = $serviceId === null ? null : $this->measured($serviceId);
        });
        return $measured ?? $this->metrics();
    }

    /** @return array<string, int> */
    private function tenants(): array
    {
        if ($this->serverId <= 0) {
            return [];
        }
        Schema::ensure();
        return Tenants::of($this->serverId);
    }

    /** @return array<string, Metric>|null */
    private function measured(int $serviceId): ?array
    {
        $month = Traffic::month($serviceId, Traffic::lastMonth());
        if ($month === null) {
            return null;
        }
        $metrics = $this->metrics();
        $in = (int) $month->received_mb / Traffic::MB_PER_GB;
        $out = (int) $month->sent_mb / Traffic::MB_PER_GB;
        $values = ['traffic_in' => $in, 'traffic_out' => $out, 'traffic_total' => $in + $out];
        if ($month->rate_kbit !== null) {
            $values['traffic_95th'] = (int) $month->rate_kbit / self::KBIT_PER_MBIT;
        }
        foreach ($values as $name => $value) {
            $metrics[$name] = $metrics[$name]->withUsage(new Usage(round($value, 3)));
        }
        return $metrics;
    }

    private static function metric(string $name, string $words, FloatingPoint $unit): Metric
    {
        return new Metric($name, $words, MetricInterface::TYPE_PERIOD_MONTH, $unit);
    }
}
