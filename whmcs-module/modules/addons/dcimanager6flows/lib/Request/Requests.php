<?php

declare(strict_types=1);

namespace Dciflow\Request;

use Dciflow\Prefect\Contract;
use Dciflow\Prefect\PrefectError;
use Dciflow\Store\ServiceCache;
use Dciflow\Store\Settings;
use Dciflow\Store\Time;
use Dciflow\Whmcs\ModuleParams;
use Dciflow\Whmcs\WhmcsService;
use Illuminate\Database\QueryException;
use WHMCS\Database\Capsule;

if (!defined('WHMCS')) {
    die('This file cannot be accessed directly');
}

/** The table of requests. Rows are never deleted: they say what was asked of Prefect, and when. */
final class Requests
{
    private const TABLE = 'mod_dcimanager6_request';
    private const NOT_UNIQUE = '23000'; // SQLSTATE, in MariaDB and SQLite

    /** A module call gives up before this; afterwards the row belongs to whoever looks next. */
    private const ASKED_SECONDS = 15;

    /** Rows that one look takes, those first that were looked at longest ago. */
    public const ROWS_PER_LOOK = 100;

    /** Sends of unknown outcome that are counted; the column holds a little more. */
    private const MOST_SENDS = 100;

    public static function get(int $id): Request
    {
        $row = self::rows()->where('id', $id)->first();
        if ($row === null) {
            throw new Refusal("Request $id is gone.");
        }
        return new Request($row);
    }

    /** The open request of a service. */
    public static function open(int $serviceId): ?Request
    {
        $row = self::rows()->where('open_for', $serviceId)->first();
        return $row === null ? null : new Request($row);
    }

    /** The same, unless it was for a service that had the number before. */
    public static function lastOf(WhmcsService $service, ?string $action = null): ?Request
    {
        $last = self::last($service->id, $action);
        return $last === null || !$service->hasIdentity($last->whose()) ? null : $last;
    }

    /** The service's youngest request that was not forgotten, open or closed. */
    public static function last(int $serviceId, ?string $action = null): ?Request
    {
        $query = self::rows()->where('service_id', $serviceId)->whereNull('forgotten_at')
            ->whereNotIn('state', [Request::WAITING, Request::CANCELLED]);
        if ($action !== null) {
            $query->where('action', $action);
        }
        $row = $query->orderBy('id', 'desc')->first();
        return $row === null ? null : new Request($row);
    }

    /**
     * Open a request; null when another one of the service was open first.
     *
     * @param array<string, mixed> $parameters
     */
    public static function insert(WhmcsService $service, string $action, string $panel, array $parameters): ?Request
    {
        try {
            $id = self::rows()->insertGetId([
                'open_for' => $service->id,
                'state' => Request::REQUESTED,
                'told' => Request::TOLD_NOTHING,
                'asked_until' => Time::in(self::ASKED_SECONDS),
                'panel' => $panel,
                'parameters' => self::json($parameters),
            ] + self::values($service, $action));
        } catch (QueryException $error) {
            if ((string) $error->getCode() !== self::NOT_UNIQUE) {
                throw $error;
            }
            return null;
        }
        return self::get((int) $id);
    }

    /** A module call is working on it, until it answers or the time is over. */
    public static function asking(Request $request): void
    {
        self::change($request, ['asked_until' => Time::in(self::ASKED_SECONDS)]);
    }

    /** Have the request ask Prefect for a run of its own, which what its key found is not. Others may do so as well. */
    public static function renew(Request $request): Request
    {
        self::rows()->where('id', $request->id)->where('state', Request::REQUESTED)
            ->where(static function ($same) use ($request): void {
                $request->token === null ? $same->whereNull('token') : $same->where('token', $request->token);
            })
            ->update(['token' => self::token()]);
        return self::get($request->id);
    }

    /** Prefect took it. False: somebody else had sent the same. */
    public static function started(Request $request, string $flowRunId): bool
    {
        return self::rows()->where('id', $request->id)->where('state', Request::REQUESTED)
            ->update(['state' => Request::RUNNING, 'flow_run_id' => $flowRunId, 'message' => '',
                'updated_at' => Time::now()]) > 0;
    }

    /** Its run handed over to another one. */
    public static function handOver(Request $request, string $flowRunId): void
    {
        self::rows()->where('id', $request->id)->where('flow_run_id', $request->flowRunId)
            ->update(['flow_run_id' => $flowRunId, 'updated_at' => Time::now()]);
    }

    /** Give a request that Prefect never got the parameters of now. @param array<string, mixed> $parameters */
    public static function rewrite(Request $request, string $panel, array $parameters): void
    {
        self::rows()->where('id', $request->id)->where('maybe_sent', 0)->whereNull('flow_run_id')
            ->update(['panel' => $panel, 'parameters' => self::json($parameters)]);
    }

    /**
     * Prefect may have it from here on, whatever becomes of the answer. False: it was overtaken, or others sent it.
     *
     * Sends are counted and not marked: one that certainly failed must not take back what another one left unknown.
     */
    public static function sending(Request $request): bool
    {
        self::rows()->where('id', $request->id)->where('state', Request::REQUESTED)
            ->where('maybe_sent', '<', self::MOST_SENDS)->increment('maybe_sent', 1, ['updated_at' => Time::now()]);
        return self::get($request->id)->state === Request::REQUESTED;
    }

    /** A send failed: Prefect did not take it for certain, or we do not know. */
    public static function notSent(Request $request, PrefectError $error): void
    {
        self::note($request, $error->getMessage());
        if (!$error->maybeReceived) {
            self::rows()->where('id', $request->id)->where('maybe_sent', '>', 0)->decrement('maybe_sent');
        }
    }

    /** Close an open request. False: somebody else did. */
    public static function close(Request $request, string $state, string $message): bool
    {
        return self::rows()->where('id', $request->id)->whereIn('state', [Request::REQUESTED, Request::RUNNING])
            ->update(['open_for' => null, 'state' => $state, 'message' => $message, 'updated_at' => Time::now(),
                'closed_at' => Time::now()]) > 0;
    }

    /** Note why it does not go on. False: that was noted before, or the request has changed since we read it. */
    public static function note(Request $request, string $message): bool
    {
        return self::rows()->where('id', $request->id)->where('state', $request->state)->where('message', '<>', $message)
            ->update(['message' => $message, 'updated_at' => Time::now()]) > 0;
    }

    /** Note what WHMCS knows of it now; the module call that told WHMCS is over. */
    public static function told(Request $request, string $told): void
    {
        self::change($request, ['told' => $told, 'asked_until' => null]);
    }

    /** Claim the one notification of a failure. False: it was sent. */
    public static function claimNotification(Request $request): bool
    {
        return self::rows()->where('id', $request->id)->whereNull('notified_at')
            ->update(['notified_at' => Time::now(), 'told' => Request::TOLD_ALL]) > 0;
    }

    /** Closed after their command had answered, and not reported to WHMCS yet. @return list<Request> */
    public static function untold(?int $serviceId = null): array
    {
        $query = self::rows()->whereIn('state', [Request::DONE, Request::FAILED])
            ->where('told', '<>', Request::TOLD_ALL)->whereNull('forgotten_at');
        if ($serviceId !== null) {
            $query->where('service_id', $serviceId);
        }
        return self::list($query->orderBy('updated_at')->orderBy('id')->limit(self::ROWS_PER_LOOK));
    }

    /** Open ones that nobody looked at for a while, the longest ago first. @return list<Request> */
    public static function stale(int $seconds, int $limit): array
    {
        return self::list(
            self::rows()->whereNotNull('open_for')->where('updated_at', '<', Time::in(-$seconds))
                ->orderBy('updated_at')->limit($limit)
        );
    }

    /**
     * Activations that count against the free servers of a configuration as they were at `$at`: those that have no
     * server yet, and those that got it, or ended, since.
     */
    public static function promised(string $panel, string $configuration, string $location, string $at): int
    {
        $rows = self::rows()->where('action', Contract::ACTIVATE)->where('panel', $panel)->whereNull('forgotten_at')
            ->where('state', '<>', Request::CANCELLED)->where(static function ($recent) use ($at): void {
                $recent->whereNotNull('open_for')->orWhere('closed_at', '>=', $at);
            });
        $counted = [];
        foreach (self::list($rows) as $request) {
            $order = $request->parameters['order'] ?? [];
            $place = (string) ($order['location_id'] ?? '');
            // An order for every location may take a server of this one.
            $isHere = $location === '' || $place === '' || $place === $location;
            $service = ServiceCache::find($request->serviceId);
            $since = $service->server_since ?? null;
            if (($order['configuration'] ?? '') === $configuration && $isHere && ($since === null || $since >= $at)) {
                $counted[$request->serviceId] = true;
            }
        }
        return count($counted);
    }

    /** For the addon's page: open ones, and failures of the last days. @return list<Request> */
    public static function toShow(int $limit): array
    {
        $recent = Time::in(-7 * 86400);
        return self::list(
            self::rows()->whereNull('forgotten_at')->where(static function ($shown) use ($recent): void {
                $shown->whereNotNull('open_for')->orWhere('state', Request::WAITING)
                    ->orWhere(static function ($failed) use ($recent): void {
                        $failed->where('state', Request::FAILED)->where('closed_at', '>', $recent);
                    });
            })->orderBy('id', 'desc')->limit($limit)
        );
    }

    /**
     * How many are with Prefect, are not known to be there yet, and failed in seven days with nothing asked since.
     *
     * @return array{0: int, 1: int, 2: int}
     */
    public static function counted(): array
    {
        $failed = self::rows()->whereNull('forgotten_at')->where('state', Request::FAILED)
            ->where('closed_at', '>', Time::in(-7 * 86400))
            ->whereNotExists(static function ($newer): void {
                $newer->from(self::TABLE . ' as newer')->whereColumn('newer.service_id', self::TABLE . '.service_id')
                    ->whereColumn('newer.id', '>', self::TABLE . '.id');
            });
        return [
            self::rows()->whereNotNull('open_for')->where('state', Request::RUNNING)->count(),
            self::rows()->whereNotNull('open_for')->where('state', Request::REQUESTED)->count(),
            $failed->count(),
        ];
    }

    public static function forget(int $serviceId): void
    {
        self::rows()->where('service_id', $serviceId)->whereNull('open_for')->whereNull('forgotten_at')
            ->update(['forgotten_at' => Time::now()]);
    }

    /** Note that we looked, so that the next look takes others first. */
    public static function looked(Request $request): void
    {
        self::change($request, []);
    }

    /** @param array<string, mixed> $values */
    private static function change(Request $request, array $values): void
    {
        self::rows()->where('id', $request->id)->update($values + ['updated_at' => Time::now()]);
    }

    /** @return array<string, mixed> */
    public static function values(WhmcsService $service, string $action): array
    {
        return [
            'service_id' => $service->id,
            'client_id' => $service->clientId,
            'action' => $action,
            'message' => '',
            'requested_by' => ModuleParams::requester(),
            'maybe_sent' => 0,
            'token' => self::token(),
            'known_before' => $service->written(),
            'created_at' => Time::now(),
            'updated_at' => Time::now(),
        ];
    }

    private static function token(): string
    {
        return substr('n' . Settings::next('requests') . '.' . bin2hex(random_bytes(16)), 0, 32);
    }

    /** @param array<string, mixed> $parameters */
    private static function json(array $parameters): string
    {
        return json_encode($parameters, JSON_THROW_ON_ERROR | JSON_INVALID_UTF8_SUBSTITUTE | JSON_UNESCAPED_SLASHES);
    }

    /** @return list<Request> */
    public static function list(\Illuminate\Database\Query\Builder $query): array
    {
        $requests = [];
        foreach ($query->get() as $row) {
            $requests[] = new Request($row);
        }
        return $requests;
    }

    public static function rows(): \Illuminate\Database\Query\Builder
    {
        return Capsule::table(self::TABLE);
    }
}
