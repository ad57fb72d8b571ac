<?php

declare(strict_types=1);

namespace FakeWhmcs;

use Illuminate\Database\Capsule\Manager as Capsule;

/**
 * What WHMCS does when an upgrade of a service is paid: the new product or options are written, the module's ChangePackage
 * is run, and a hook is told.
 *
 * In which order is not documented: the flag upgrade_order says.
 * Source: https://developers.whmcs.com/provisioning-modules/core-module-functions and hooks-reference/shopping-cart
 */
final class Upgrades
{
    /** @param array<string, string> $options quantities by the option's name; what the module's command said */
    public static function paid(int $serviceId, array $options, ?int $product, Actor $by): string
    {
        $id = Capsule::table('tblupgrades')->insertGetId([
            'type' => $product === null ? 'configoptions' : 'package',
            'relid' => (string) $serviceId,
            'originalvalue' => '',
            'newvalue' => $product === null ? (string) json_encode($options) : (string) $product,
            'status' => 'Completed',
            'paid' => 'Y',
        ]);
        $said = '';
        foreach (explode(',', Flags::get('upgrade_order')) as $step) {
            match ($step) {
                'write' => self::write($serviceId, $options, $product),
                'command' => $said = ModuleRunner::command($serviceId, 'ChangePackage', $by),
                'hook' => Hooks::run(
                    $product === null ? 'AfterConfigOptionsUpgrade' : 'AfterProductUpgrade',
                    ['upgradeid' => $id],
                ),
            };
        }
        return $said;
    }

    /** @param array<string, string> $options */
    private static function write(int $serviceId, array $options, ?int $product): void
    {
        if ($product !== null) {
            Capsule::table('tblhosting')->where('id', $serviceId)->update(['packageid' => $product]);
        }
        foreach ($options as $name => $value) {
            Capsule::table('tblhostingconfigoptions')->updateOrInsert(
                ['relid' => (string) $serviceId, 'optionname' => (string) $name],
                ['optiontype' => 'quantity', 'value' => (string) $value],
            );
        }
    }
}
