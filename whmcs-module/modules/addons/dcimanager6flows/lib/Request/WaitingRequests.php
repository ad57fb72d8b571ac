<?php

declare(strict_types=1);

namespace Dciflow\Request;

use Dciflow\Store\Time;
use Dciflow\Whmcs\WhmcsService;

if (!defined('WHMCS')) {
    die('This file cannot be accessed directly');
}

/** Requests that wait in WHMCS and were never sent: activations whose client has not verified the e-mail address. */
final class WaitingRequests
{
    /** Note that an activation waits for the client's e-mail address; one note per service. */
    public static function add(WhmcsService $service, string $action, string $reason): void
    {
        $waiting = Requests::rows()->where('service_id', $service->id)->where('state', Request::WAITING);
        if (!$waiting->exists()) {
            Requests::rows()->insert([
                'state' => Request::WAITING,
                'told' => Request::TOLD_ALL,
                'panel' => '',
                'parameters' => '{}',
                'message' => $reason,
            ] + Requests::values($service, $action));
        }
    }

    /** @return list<Request> */
    public static function all(): array
    {
        return Requests::list(
            Requests::rows()->where('state', Request::WAITING)->orderBy('updated_at')->limit(Requests::ROWS_PER_LOOK)
        );
    }

    public static function stop(int $serviceId, string $why): void
    {
        Requests::rows()->where('service_id', $serviceId)->where('state', Request::WAITING)->update([
            'state' => Request::CANCELLED, 'message' => $why, 'closed_at' => Time::now(),
        ]);
    }
}
