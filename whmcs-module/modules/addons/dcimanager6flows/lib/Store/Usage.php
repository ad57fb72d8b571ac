<?php

declare(strict_types=1);

namespace Dciflow\Store;

use Dciflow\Prefect\ChunkedVariable;
use Dciflow\Prefect\Contract;
use Dciflow\Prefect\Prefect;
use Dciflow\Request\Command;
use Dciflow\Request\Deadline;
use Dciflow\Request\ErrorBoundary;
use Dciflow\Request\Refusal;
use Dciflow\Whmcs\ModuleParams;
use Dciflow\Whmcs\Whmcs;
use Dciflow\Whmcs\WhmcsService;
use WHMCS\Database\Capsule;

if (!defined('WHMCS')) {
    die('This file cannot be accessed directly');
}

/**
 * The month's traffic of a server record's services, as a flow stores it in Prefect's variables.
 *
 * WHMCS calls UsageUpdate once a day for each server record, and the module writes tblhosting itself.
 * Source: https://developers.whmcs.com/provisioning-modules/usage-update
 */
final class Usage
{
    private const FRESH_SECONDS = 172800; // the flow writes once a day, and may miss one
    private const SECONDS = 30.0;

    /** Write what is known; a service that is not listed keeps what it has. @param array<string, mixed> $params */
    public static function update(array $params): string
    {
        $serverId = (new ModuleParams($params))->int('serverid');
        $problem = ErrorBoundary::text(static function () use ($serverId): string {
            Schema::ensure();
            self::write($serverId);
            self::takeDays($serverId);
            return '';
        });
        if ($problem === '') {
            return Command::SUCCESS;
        }
        // WHMCS ignores the answer.
        ErrorBoundary::quietly(static function () use ($serverId, $problem): void {
            Whmcs::activity("the traffic of server $serverId was not written. $problem");
        });
        return $problem;
    }

    private static function write(int $serverId): void
    {
        $panel = Panels::name($serverId);
        $name = Contract::variableOf($panel, Contract::VARIABLE_TRAFFIC);
        $variable = ChunkedVariable::read(new Prefect(new Deadline(self::SECONDS)), $name);
        if ($variable === null) {
            return; // traffic is off, which is the default
        }
        if (!$variable->isFresh(self::FRESH_SECONDS)) {
            throw new Refusal("What is known of panel $panel is of " . Time::at($variable->at) . ' UTC: too old.');
        }
        foreach ($variable->list(Contract::LIST_SERVICES) as $row) {
            $row = is_array($row) ? array_values($row) : [];
            if (count($row) === 3 && is_int($row[0]) && is_int($row[1]) && $row[1] >= 0) {
                self::one($serverId, $row[0], $row[1], $row[2]);
            }
        }
    }

    /** Days and closed months go into our own table, and each service gets what WHMCS tells it by when it bills them. */
    private static function takeDays(int $serverId): void
    {
        $name = Contract::variableOf(Panels::name($serverId), Contract::VARIABLE_TRAFFIC_DAYS);
        $variable = ChunkedVariable::read(new Prefect(new Deadline(self::SECONDS)), $name);
        if ($variable !== null) {
            Traffic::take($serverId, $variable);
            Tenants::write($serverId);
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
            ->whereIn('domainstatus', WhmcsService::IN_USE)->update($values);
    }
}
