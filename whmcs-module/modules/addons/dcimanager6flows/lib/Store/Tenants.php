<?php

declare(strict_types=1);

namespace Dciflow\Store;

use Dciflow\Whmcs\WhmcsService;
use WHMCS\Database\Capsule;
use WHMCS\Service\Service;

if (!defined('WHMCS')) {
    die('This file cannot be accessed directly');
}

/**
 * By what WHMCS tells the services of a server record apart when it asks for their usage: a custom field of the service.
 *
 * User names are the same on all servers and domains may be. The value is the server's id with a mark that nobody can
 * make up: a client who changes the field, where WHMCS lets them, names nobody else's server.
 * Source: https://developers.whmcs.com/provisioning-modules/meta-data-params, ListAccountsUniqueIdentifierField
 */
final class Tenants
{
    public const FIELD = 'DCI server';

    private const MARK = 12; // characters

    /** The services of a server record by their tenants. @return array<string, int> */
    public static function of(int $serverId): array
    {
        $panel = Panels::name($serverId);
        $tenants = [];
        $servers = [];
        $ids = Capsule::table('tblhosting')->where('server', $serverId)
            ->whereIn('domainstatus', WhmcsService::IN_USE)->orderBy('id')->pluck('id');
        foreach ($ids as $id) {
            $service = WhmcsService::find((int) $id);
            $known = $service === null || !$service->isOurs() ? null : ServiceCache::of($service);
            if ($known !== null && $known->server_id !== null && $known->panel === $panel) {
                $tenants[self::tenant($service->id, (int) $known->server_id)] = $service->id;
                $servers[] = (int) $known->server_id;
            }
        }
        // Of two services that are said to have one server, none is billed for it.
        $times = array_count_values($servers);
        return array_filter($tenants, static function (string $tenant) use ($times): bool {
            return $times[(int) $tenant] === 1;
        }, ARRAY_FILTER_USE_KEY);
    }

    /** Write each service's tenant into its field, where it has another value. */
    public static function write(int $serverId): void
    {
        foreach (self::of($serverId) as $tenant => $serviceId) {
            $service = Service::find($serviceId);
            if ($service !== null && (string) $service->serviceProperties->get(self::FIELD) !== (string) $tenant) {
                $service->serviceProperties->save([self::FIELD => (string) $tenant]);
            }
        }
    }

    private static function tenant(int $serviceId, int $server): string
    {
        $mark = hash_hmac('sha256', "tenant\0$serviceId\0$server", Settings::secret());
        return $server . '-' . substr($mark, 0, self::MARK);
    }
}
