<?php

declare(strict_types=1);

namespace Dciflow\Store;

use Dciflow\Prefect\ChunkedVariable;
use Dciflow\Whmcs\WhmcsService;
use WHMCS\Database\Capsule;

if (!defined('WHMCS')) {
    die('This file cannot be accessed directly');
}

/**
 * What servers moved on single days and in closed months, in our own table: no page and no bill waits for Prefect.
 *
 * What is known of a day or a month never changes. What is not there is not known, which is not zero.
 */
final class Traffic
{
    public const MB_PER_GB = 1024;
    public const DAYS_SHOWN = 30;

    private const TABLE = 'mod_dcimanager6_traffic';
    private const PERIOD = '/\A20\d\d-[01]\d(-[0-3]\d)?\z/'; // a month or a day, in UTC
    private const KEPT_DAYS = 400;
    private const AT_ONCE = 100; // rows of one statement: SQLite takes 999 values

    /** Store what a flow published of a server record's panel; rows of services that are not this record's are left. */
    public static function take(int $serverId, ChunkedVariable $variable): void
    {
        $ids = Capsule::table('tblhosting')->where('server', $serverId)
            ->whereIn('domainstatus', WhmcsService::IN_USE)->pluck('id')->all();
        $own = array_flip($ids);
        foreach ($variable->names() as $period) {
            $rows = [];
            foreach (preg_match(self::PERIOD, $period) === 1 ? $variable->list($period) : [] as $row) {
                $row = is_array($row) ? array_values($row) : [];
                if (self::isOne($row) && isset($own[$row[0]])) {
                    $names = ['service_id', 'since', 'received_mb', 'sent_mb', 'rate_kbit'];
                    $rows[] = ['period' => $period] + array_combine($names, $row);
                }
            }
            foreach (array_chunk($rows, self::AT_ONCE) as $some) {
                Capsule::table(self::TABLE)->insertOrIgnore($some);
            }
        }
        Capsule::table(self::TABLE)->where('period', '<', self::daysAgo(self::KEPT_DAYS))->delete();
    }

    /** The last days that are known, the oldest first. @return array<string, \stdClass> received_mb, sent_mb by day */
    public static function days(int $serviceId): array
    {
        $since = self::since($serviceId);
        $days = [];
        $rows = Capsule::table(self::TABLE)->where('service_id', $serviceId)->where('since', $since)
            ->where('period', '>=', self::daysAgo(self::DAYS_SHOWN))->orderBy('period')->get();
        foreach ($rows as $row) {
            if (strlen((string) $row->period) === strlen('2026-01-31')) {
                $days[(string) $row->period] = $row;
            }
        }
        return $days;
    }

    /** A closed month ("2026-01"): received_mb, sent_mb, rate_kbit; null: it is not known. */
    public static function month(int $serviceId, string $month): ?\stdClass
    {
        return Capsule::table(self::TABLE)->where('service_id', $serviceId)
            ->where('since', self::since($serviceId))->where('period', $month)->first();
    }

    /** The month before this one, by WHMCS's calendar. */
    public static function lastMonth(): string
    {
        return date('Y-m', (int) strtotime('first day of last month'));
    }

    /** The service's number is somebody else's by now. */
    public static function forget(int $serviceId): void
    {
        Capsule::table(self::TABLE)->where('service_id', $serviceId)->delete();
    }

    /** When the client's present use of a server began; what is known of an earlier one is not shown. */
    private static function since(int $serviceId): int
    {
        return (int) Capsule::table(self::TABLE)->where('service_id', $serviceId)->max('since');
    }

    /** @param list<mixed> $row */
    private static function isOne(array $row): bool
    {
        foreach ($row as $number => $value) {
            $isNone = $value === null && $number === 4;
            if (!$isNone && !(is_int($value) && $value >= 0)) {
                return false;
            }
        }
        return count($row) === 5;
    }

    private static function daysAgo(int $days): string
    {
        return gmdate('Y-m-d', time() - $days * 86400);
    }
}
