<?php

declare(strict_types=1);

namespace Dciflow;

use WHMCS\Database\Capsule;

if (!defined('WHMCS')) {
    die('This file cannot be accessed directly');
}

/**
 * The month's traffic of a server record's services, as a flow keeps it in Prefect's variables.
 *
 * Source: dossier "WHMCS", section 3 (UsageUpdate: once a day and server record; the module writes tblhosting itself).
 */
final class Usage
{
    private const FRESH_SECONDS = 172800; // the flow writes once a day: one miss is no reason to be silent
    private const SECONDS = 30.0;

    /** Write what is known; a service that is not listed keeps what it has. @param array<string, mixed> $params */
    public static function update(array $params): string
    {
        $serverId = (new Call($params))->int('serverid');
        $problem = Guard::text(static function () use ($serverId): string {
            Schema::ensure();
            self::write($serverId);
            return '';
        });
        if ($problem === '') {
            return Command::SUCCESS;
        }
        // WHMCS ignores the answer.
        Guard::quietly(static function () use ($serverId, $problem): void {
            Whmcs::activity("the traffic of server $serverId was not written. $problem");
        });
        return $problem;
    }

    private static function write(int $serverId): void
    {
        $panel = Panels::name($serverId);
        $name = 'dcimanager_traffic_' . Shelf::word($panel);
        $shelf = Shelf::read(new Prefect(new Deadline(self::SECONDS)), $name);
        if ($shelf === null) {
            return; // traffic is off, which is how dciflow comes
        }
        if (!$shelf->isFresh(self::FRESH_SECONDS)) {
            throw new Refusal("What is known of panel $panel is of " . Time::at($shelf->at) . ' UTC: too old.');
        }
        foreach ($shelf->list('services') as $row) {
            $row = is_array($row) ? array_values($row) : [];
            if (count($row) === 3 && is_int($row[0]) && is_int($row[1]) && $row[1] >= 0) {
                self::one($serverId, $row[0], $row[1], $row[2]);
            }
        }
    }

    /** @param mixed $limit in MB, as is $used; null: the panel tells none */
    private static function one(int $serverId, int $serviceId, int $used, $limit): void
    {
        // WHMCS keeps this time in its own zone.
        $values = ['bwusage' => $used, 'lastupdate' => date('Y-m-d H:i:s')];
        if (is_int($limit) && $limit >= 0) {
            $values['bwlimit'] = $limit;
        }
        Capsule::table('tblhosting')->where('id', $serviceId)->where('server', $serverId)
            ->whereIn('domainstatus', [Hosting::ACTIVE, Hosting::SUSPENDED])->update($values);
    }
}
