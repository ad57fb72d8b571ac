<?php

declare(strict_types=1);

namespace FakeWhmcs;

use Illuminate\Database\Capsule\Manager as Capsule;
use WHMCS\Service\Service;
use WHMCS\UsageBilling\Contracts\Metrics\MetricInterface;
use WHMCS\UsageBilling\Contracts\Metrics\ProviderInterface;

/**
 * WHMCS's usage billing, as far as modules meet it: metrics of products, the cron's look at all usage, a service's own.
 *
 * A monthly metric has one record for each service and calendar month, which each look overwrites.
 * Source: https://developers.whmcs.com/provisioning-modules/usage-metrics
 */
final class UsageBilling
{
    /** What a product of the module can be billed by: asked without a server. @return list<array<string, string>> */
    public static function metrics(string $module): array
    {
        Actor::Admin->enter();
        return array_values(array_map(static fn (MetricInterface $metric): array => [
            'name' => $metric->systemName(),
            'words' => $metric->displayName(),
            'type' => $metric->type(),
            'unit' => (string) $metric->units()->name(),
        ], self::provider($module, [])->metrics()));
    }

    /** The cron asks each server record's module for all its usage and keeps it for the services that it is of. */
    public static function collect(string $month): void
    {
        Actor::Automation->enter();
        foreach (Capsule::table('tblservers')->where('disabled', false)->orderBy('id')->get() as $server) {
            if (!Modules::has($server->type, 'MetricProvider')) {
                continue;
            }
            $usage = self::provider($server->type, Params::ofServer((int) $server->id))->usage();
            foreach (Service::query()->where('server', $server->id)->orderBy('id')->get() as $service) {
                foreach ($usage[self::tenant($server->type, $service)] ?? [] as $metric) {
                    self::keep((int) $service->id, $month, $metric);
                }
            }
        }
    }

    /** A service's own usage, as its page shows it; null: not known. @return array<string, float|int|null> by metric */
    public static function ofService(int $serviceId): array
    {
        Actor::Admin->enter();
        $service = Service::query()->findOrFail($serviceId);
        $module = (string) Params::ofService($serviceId)['moduletype'];
        $provider = self::provider($module, Params::ofServer((int) $service->server));
        $usage = [];
        foreach ($provider->tenantUsage(self::tenant($module, $service)) as $metric) {
            $usage[$metric->systemName()] = $metric->usage() === null ? null : $metric->usage()->value();
        }
        return $usage;
    }

    private static function provider(string $module, array $params): ProviderInterface
    {
        return Modules::call($module, 'MetricProvider', $params);
    }

    /** The value of the field by which the module's MetaData says that its accounts are told apart. */
    private static function tenant(string $module, Service $service): string
    {
        $field = (string) (Modules::call($module, 'MetaData', [])['ListAccountsUniqueIdentifierField'] ?? 'domain');
        return str_starts_with($field, 'customfield.')
            ? $service->serviceProperties->get(substr($field, strlen('customfield.')))
            : (string) $service->$field;
    }

    private static function keep(int $serviceId, string $month, MetricInterface $metric): void
    {
        if ($metric->usage() === null) {
            return;
        }
        $record = ['relid' => (string) $serviceId, 'metric' => $metric->systemName(), 'month' => $month];
        Capsule::table('fake_usage')->updateOrInsert($record, ['value' => (string) $metric->usage()->value()]);
    }
}
