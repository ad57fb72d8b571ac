<?php

declare(strict_types=1);

namespace Dciflow\Errand;

use Dciflow\Request\Refusal;
use Dciflow\Request\Request;
use Dciflow\Store\Time;
use Dciflow\Whmcs\WhmcsService;
use Illuminate\Database\QueryException;
use WHMCS\Database\Capsule;

if (!defined('WHMCS')) {
    die('This file cannot be accessed directly');
}

/** The table of errands. Rows are never deleted: they are a service's history. */
final class Errands
{
    private const TABLE = 'mod_dcimanager6_errand';
    private const NOT_UNIQUE = '23000'; // SQLSTATE, in MariaDB and SQLite

    public static function get(int $id): Errand
    {
        $row = self::rows()->where('id', $id)->first();
        if ($row === null) {
            throw new Refusal("Errand $id is gone.");
        }
        return new Errand($row);
    }

    /** The open errand of a service. */
    public static function open(int $serviceId): ?Errand
    {
        $row = self::rows()->where('open_for', $serviceId)->first();
        return $row === null ? null : new Errand($row);
    }

    /** The number of the service's youngest errand of any flow but one; 0 for none. */
    public static function youngest(int $serviceId, string $butFlow): int
    {
        return (int) self::rows()->where('service_id', $serviceId)->where('flow', '<>', $butFlow)->max('id');
    }

    /** The youngest errand of a service that asked for just this, open or not. @param array<string, mixed> $own */
    public static function find(int $serviceId, string $flow, array $own): ?Errand
    {
        $rows = self::rows()->where('service_id', $serviceId)->where('flow', $flow)->orderBy('id', 'desc')->limit(20)->get();
        foreach ($rows as $row) {
            $errand = new Errand($row);
            if ($errand->isSame($flow, $own)) {
                return $errand;
            }
        }
        return null;
    }

    /**
     * The service's errands, the youngest first; none of a service that had the number before.
     *
     * @return list<Errand>
     */
    public static function recent(WhmcsService $service, int $limit): array
    {
        $errands = [];
        foreach (self::rows()->where('service_id', $service->id)->orderBy('id', 'desc')->limit($limit)->get() as $row) {
            $errand = new Errand($row);
            if ($service->hasIdentity($errand->whose())) {
                $errands[] = $errand;
            }
        }
        return $errands;
    }

    /** The service's youngest errand of a flow; none of a service that had the number before. */
    public static function last(WhmcsService $service, string $flow): ?Errand
    {
        $row = self::rows()->where('service_id', $service->id)->where('flow', $flow)->orderBy('id', 'desc')->first();
        $errand = $row === null ? null : new Errand($row);
        return $errand !== null && $service->hasIdentity($errand->whose()) ? $errand : null;
    }

    /** Open one; null when another one of the service was open first. @param array<string, mixed> $parameters */
    public static function insert(
        WhmcsService $service,
        string $flow,
        string $panel,
        string $requestedBy,
        array $parameters
    ): ?Errand {
        try {
            $id = self::rows()->insertGetId([
                'service_id' => $service->id,
                'open_for' => $service->id,
                'client_id' => $service->clientId,
                'flow' => $flow,
                'panel' => $panel,
                'parameters' => json_encode($parameters, JSON_THROW_ON_ERROR | JSON_UNESCAPED_SLASHES),
                'state' => Request::REQUESTED,
                'message' => '',
                'requested_by' => $requestedBy,
                'maybe_sent' => 0,
                'token' => bin2hex(random_bytes(16)),
                'created_at' => Time::now(),
                'updated_at' => Time::now(),
            ]);
        } catch (QueryException $error) {
            if ((string) $error->getCode() !== self::NOT_UNIQUE) {
                throw $error;
            }
            return null;
        }
        return self::get((int) $id);
    }

    /**
     * Prefect may have it from here on, whatever becomes of the answer. False: it runs or is over by now.
     *
     * Sends are counted and not marked: one that certainly failed must not take back what another one left unknown.
     */
    public static function sending(Errand $errand): bool
    {
        return self::rows()->where('id', $errand->id)->where('state', Request::REQUESTED)
            ->increment('maybe_sent', 1, ['updated_at' => Time::now()]) > 0;
    }

    /** A send failed for certain: Prefect did not take it. */
    public static function notSent(Errand $errand): void
    {
        self::rows()->where('id', $errand->id)->where('maybe_sent', '>', 0)->decrement('maybe_sent');
    }

    /** Close as failed what Prefect cannot have. False: it may have it, or it is over. */
    public static function giveUp(Errand $errand, string $message): bool
    {
        return self::rows()->where('id', $errand->id)->where('state', Request::REQUESTED)->whereNull('flow_run_id')
            ->where('maybe_sent', 0)->update(self::end(Request::FAILED, $message)) > 0;
    }

    /** Prefect took it. */
    public static function started(Errand $errand, string $flowRunId): void
    {
        self::rows()->where('id', $errand->id)->where('state', Request::REQUESTED)
            ->update(['state' => Request::RUNNING, 'flow_run_id' => $flowRunId, 'updated_at' => Time::now()]);
    }

    /** Close an open one. False: somebody else did. */
    public static function close(Errand $errand, string $state, string $message): bool
    {
        return self::rows()->where('id', $errand->id)->whereIn('state', [Request::REQUESTED, Request::RUNNING])
            ->update(self::end($state, $message)) > 0;
    }

    /** @return array<string, string|null> */
    private static function end(string $state, string $message): array
    {
        return ['open_for' => null, 'state' => $state, 'message' => $message, 'updated_at' => Time::now(),
            'closed_at' => Time::now()];
    }

    /** Open one again that failed, and whose run goes on. False: another one of the service is open. */
    public static function reopen(Errand $errand): bool
    {
        try {
            return self::rows()->where('id', $errand->id)->where('state', Request::FAILED)
                ->update(['open_for' => $errand->serviceId, 'state' => Request::RUNNING, 'message' => '',
                    'updated_at' => Time::now(), 'closed_at' => null]) > 0;
        } catch (QueryException $error) {
            if ((string) $error->getCode() !== self::NOT_UNIQUE) {
                throw $error;
            }
            return false;
        }
    }

    /** Note that we looked, so that the next look takes others first. */
    public static function looked(Errand $errand): void
    {
        self::rows()->where('id', $errand->id)->update(['updated_at' => Time::now()]);
    }

    /** Open ones that nobody looked at for a while, the longest ago first. @return list<Errand> */
    public static function stale(int $seconds, int $limit): array
    {
        $errands = [];
        $rows = self::rows()->whereNotNull('open_for')->where('updated_at', '<', Time::in(-$seconds))
            ->orderBy('updated_at')->limit($limit)->get();
        foreach ($rows as $row) {
            $errands[] = new Errand($row);
        }
        return $errands;
    }

    /** Those of a flow that failed in the last days, and that nobody looked at for a while. @return list<Errand> */
    public static function failed(string $flow, int $days, int $seconds, int $limit): array
    {
        $errands = [];
        $rows = self::rows()->where('flow', $flow)->where('state', Request::FAILED)->whereNotNull('flow_run_id')
            ->where('closed_at', '>', Time::in(-86400 * $days))->where('updated_at', '<', Time::in(-$seconds))
            ->orderBy('updated_at')->limit($limit)->get();
        foreach ($rows as $row) {
            $errands[] = new Errand($row);
        }
        return $errands;
    }

    private static function rows(): \Illuminate\Database\Query\Builder
    {
        return Capsule::table(self::TABLE);
    }
}
