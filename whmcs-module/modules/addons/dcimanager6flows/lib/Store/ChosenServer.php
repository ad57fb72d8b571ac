<?php

declare(strict_types=1);

namespace Dciflow\Store;

use Dciflow\Prefect\Contract;
use Dciflow\Request\Request;
use Dciflow\Whmcs\WhmcsService;

if (!defined('WHMCS')) {
    die('This file cannot be accessed directly');
}

/** The server that staff chose for a service's next activation, by its id on the panel; kept until it is used. */
final class ChosenServer
{
    private const NUMBER = 'server';

    /** null: none was chosen, or it was for a service that had the number before. */
    public static function of(WhmcsService $service): ?int
    {
        $kept = json_decode((string) Settings::kept(self::name($service->id)), true);
        $isIts = is_array($kept) && is_int($kept[self::NUMBER] ?? null) && $service->hasIdentity($kept);
        return $isIts ? $kept[self::NUMBER] : null;
    }

    public static function keep(WhmcsService $service, int $serverId): void
    {
        $kept = [self::NUMBER => $serverId] + $service->identity();
        Settings::keep(self::name($service->id), json_encode($kept, JSON_THROW_ON_ERROR));
    }

    public static function forget(int $serviceId): void
    {
        Settings::forget(self::name($serviceId));
    }

    /** An activation is done: if it was of the chosen server, nothing is chosen any more. */
    public static function used(Request $request): void
    {
        $service = WhmcsService::find($request->serviceId);
        $ordered = $request->parameters['order']['server_id'] ?? null;
        if ($request->action === Contract::ACTIVATE && $service !== null && $ordered === self::of($service)) {
            self::forget($service->id);
        }
    }

    private static function name(int $serviceId): string
    {
        return "server of $serviceId";
    }
}
