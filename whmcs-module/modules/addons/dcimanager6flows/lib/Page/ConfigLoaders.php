<?php

declare(strict_types=1);

namespace Dciflow\Page;

use Dciflow\Prefect\Contract;
use Dciflow\Request\Deadline;
use Dciflow\Request\ErrorBoundary;
use Dciflow\Request\Order;
use Dciflow\Request\Refusal;
use Dciflow\Store\Catalogue;
use Dciflow\Store\Panels;
use Dciflow\Store\Schema;
use Dciflow\Store\ServiceCache;
use Dciflow\Whmcs\ModuleParams;
use WHMCS\Database\Capsule;

if (!defined('WHMCS')) {
    die('This file cannot be accessed directly');
}

/** The drop-downs of the product form: what the panel offers, and what products have saved already. */
final class ConfigLoaders
{
    private const SECONDS = 6.0; // four fields of a form ask, and only the first one waits

    /**
     * The choices for one of the module settings, value => label, with what products have saved already.
     *
     * @param array<string, mixed> $params of a loader: the server part only
     * @return array<string, string>
     * @throws \Exception it cannot be read; WHMCS shows the text and a text field
     */
    public static function choices(int $position, array $params): array
    {
        $problem = ErrorBoundary::text(static function () use ($params, &$catalogue): string {
            Schema::ensure();
            $serverId = (new ModuleParams($params))->int('serverid') ?: self::onlyServer();
            $catalogue = Catalogue::of(Panels::name($serverId), new Deadline(self::SECONDS));
            return '';
        });
        if (!$catalogue instanceof Catalogue) {
            throw new \Exception("The panel's catalogue cannot be read, write the name by hand. $problem");
        }
        $choices = self::values($catalogue, $position);
        if ($choices === []) {
            throw new \Exception('The panel\'s catalogue has no entry for this, write the name by hand.');
        }
        foreach (self::saved($position) as $value) {
            if (!array_key_exists($value, $choices)) {
                $choices[$value] = $value . ' (not in the catalogue)';
            }
        }
        return $position === Order::LOCATION ? ['' => 'Every location'] + $choices : $choices;
    }

    /** @return array<string, string> */
    private static function values(Catalogue $catalogue, int $position): array
    {
        $choices = [];
        if ($position === Order::CONFIGURATION) {
            foreach ($catalogue->configurations() as $name => $total) {
                // Unknown is not zero.
                $choices[$name] = $name . ($total === null ? '' : " ($total free)");
            }
        } elseif ($position === Order::LOCATION) {
            foreach ($catalogue->locations() as $id => $name) {
                $choices[$id] = $id . ' ' . $name;
            }
        } else {
            $list = $position === Order::OS ? Contract::LIST_OS_TEMPLATES : Contract::LIST_IP_POOLS;
            foreach ($catalogue->names($list) as $name) {
                $choices[$name] = $name;
            }
        }
        unset($choices['']);
        return $choices;
    }

    /** What products of this module have saved at a position. @return list<string> */
    private static function saved(int $position): array
    {
        $values = Capsule::table('tblproducts')->where('servertype', ServiceCache::MODULE)->distinct()
            ->pluck('configoption' . $position)->all();
        return array_values(array_filter(array_map('strval', $values), static function (string $value): bool {
            return $value !== '';
        }));
    }

    private static function onlyServer(): int
    {
        $ids = Capsule::table('tblservers')->where('type', ServiceCache::MODULE)->limit(2)->pluck('id')->all();
        if (count($ids) !== 1) {
            throw new Refusal('Choose a server group with a DCImanager 6 server first.');
        }
        return (int) $ids[0];
    }
}
