<?php

declare(strict_types=1);

namespace FakeWhmcs;

use Illuminate\Database\Capsule\Manager as Capsule;
use WHMCS\Service\Addon;
use WHMCS\Service\Service;

/**
 * The $params of module functions: the documented keys, and two undocumented ones while their flag is on.
 *
 * Source: https://developers.whmcs.com/provisioning-modules/module-parameters
 */
final class Params
{
    /** @return array<string, mixed> of a service, or of a product addon of it */
    public static function ofService(int $serviceId, ?int $addonId = null): array
    {
        $service = Service::query()->findOrFail($serviceId);
        $product = Capsule::table('tblproducts')->find($service->packageid);
        $client = (array) Capsule::table('tblclients')->find($service->userid);
        $params = [
            'serviceid' => $service->id,
            'userid' => $service->userid,
            'pid' => $service->packageid,
            'serverid' => $service->server,
            'domain' => $service->domain,
            'username' => $service->username,
            'password' => decrypt($service->password),
            'producttype' => $product->type,
            'moduletype' => $product->servertype,
            'configoptions' => self::options($service->id),
            'customfields' => Capsule::table('tblcustomfieldsvalues')->where('relid', $service->id)
                ->pluck('value', 'fieldname')->all(),
            'clientsdetails' => array_diff_key($client, ['email_verified' => 0]),
            'model' => $service,
        ];
        for ($n = 1; $n <= ProductForm::FIELDS; $n++) {
            $params["configoption$n"] = (string) $product->{"configoption$n"};
        }
        if (Flags::get('undocumented_params') !== '') {
            $params['status'] = $service->domainstatus;
            $params['suspendreason'] = $service->suspendreason;
        }
        if ($addonId !== null) {
            $params['addonId'] = $addonId;
            $params['model'] = Addon::query()->findOrFail($addonId);
        }
        return $params + self::ofServer($service->server);
    }

    /** @return array<string, mixed> the connection of a saved server; only server => false when there is none */
    public static function ofServer(int $serverId): array
    {
        $server = (array) Capsule::table('tblservers')->find($serverId);
        if ($server === []) {
            return ['server' => false, 'serverid' => 0];
        }
        $server['password'] = decrypt($server['password']);
        return self::connection($server) + ['serverid' => $serverId];
    }

    /** @return array<string, mixed> of a server record as it stands in the form, saved or not; password in clear */
    public static function connection(array $record): array
    {
        $secure = in_array($record['secure'] ?? '', ['on', true, 1, '1'], true);
        return [
            'server' => true,
            'serverip' => (string) ($record['ipaddress'] ?? ''),
            'serverhostname' => (string) ($record['hostname'] ?? ''),
            'serverusername' => (string) ($record['username'] ?? ''),
            'serverpassword' => (string) ($record['password'] ?? ''),
            'serveraccesshash' => (string) ($record['accesshash'] ?? ''),
            'serversecure' => $secure,
            'serverhttpprefix' => $secure ? 'https' : 'http',
            'serverport' => (string) ($record['port'] ?? ''),
        ];
    }

    /** @return array<string, mixed> by the option's name; of a drop-down the part of the choice before the "|" */
    private static function options(int $serviceId): array
    {
        $options = [];
        foreach (Capsule::table('tblhostingconfigoptions')->where('relid', $serviceId)->get() as $option) {
            $name = explode('|', $option->optionname, 2)[0];
            $options[$name] = in_array($option->optiontype, ['quantity', 'yesno'], true)
                ? (int) $option->value
                : explode('|', $option->value, 2)[0];
        }
        return $options;
    }
}
