<?php

declare(strict_types=1);

namespace FakeWhmcs;

use Illuminate\Database\Capsule\Manager as Capsule;

/**
 * WHMCS's links into a panel: a service's for its client and for staff, a server record's for staff, a custom action.
 *
 * Where the browser is sent afterwards is not played. `$session` is what the visitor's PHP session had before, and the
 * answer has what it has now: each request is a process of its own.
 * Source: https://developers.whmcs.com/provisioning-modules/single-sign-on and custom-actions
 */
final class SingleSignOn
{
    /**
     * clientarea.php?action=productdetails&id=ID&dosinglesignon=1, or staff's button at the service.
     *
     * @return array{success: bool, redirectTo: string, errorMsg: string, session: array<string, mixed>}
     */
    public static function service(int $serviceId, Actor $by, int $clientId, array $session): array
    {
        if (!self::isTheirs($serviceId, $by, $clientId, $session)) {
            return self::answer([]);
        }
        $params = Params::ofService($serviceId);
        return self::answer(Modules::call((string) $params['moduletype'], 'ServiceSingleSignOn', $params));
    }

    /** The custom action of that name, if the module offers it now. */
    public static function action(int $serviceId, int $clientId, string $name, array $session): array
    {
        if (!self::isTheirs($serviceId, Actor::Client, $clientId, $session)) {
            return self::answer([]);
        }
        $params = Params::ofService($serviceId);
        foreach (Modules::call((string) $params['moduletype'], 'CustomActions', $params) as $action) {
            if ($action->getIdentifier() === $name && $action->getPermissions() === ['productsso']) {
                return self::answer($action->invokeCallable());
            }
        }
        return self::answer(['errorMsg' => 'There is no such action']);
    }

    /** Staff's button at a server record. */
    public static function server(int $serverId): array
    {
        Actor::Admin->enter();
        $module = (string) Capsule::table('tblservers')->where('id', $serverId)->value('type');
        return self::answer(Modules::call($module, 'AdminSingleSignOn', Params::ofServer($serverId)));
    }

    private static function isTheirs(int $serviceId, Actor $by, int $clientId, array $session): bool
    {
        $by->enter($clientId);
        $_SESSION += $session;
        $_SERVER['REQUEST_METHOD'] = 'GET';
        $_GET = $_REQUEST = ['action' => 'productdetails', 'id' => (string) $serviceId, 'dosinglesignon' => '1'];
        $isTheirs = Capsule::table('tblhosting')->where(['id' => $serviceId, 'userid' => $clientId])->exists();
        return $isTheirs || $by === Actor::Admin;
    }

    private static function answer(mixed $said): array
    {
        $said = is_array($said) ? $said : [];
        return [
            'success' => (bool) ($said['success'] ?? false),
            'redirectTo' => (string) ($said['redirectTo'] ?? ''),
            'errorMsg' => (string) ($said['errorMsg'] ?? ($said === [] ? 'Access denied' : '')),
            'session' => (object) array_diff_key($_SESSION, ['uid' => 0, 'adminid' => 0]),
        ];
    }
}
