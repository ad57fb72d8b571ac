<?php

declare(strict_types=1);

namespace FakeWhmcs;

use Illuminate\Database\Capsule\Manager as Capsule;

/**
 * Addon modules: activated, configured, upgraded, shown.
 *
 * Source: https://developers.whmcs.com/addon-modules
 */
final class Addons
{
    private const ACTIVE = 'ActiveAddonModules';

    /** @return list<string> */
    public static function active(): array
    {
        $names = (string) Capsule::table('tblconfiguration')->where('setting', self::ACTIVE)->value('value');
        return array_values(array_filter(explode(',', $names)));
    }

    /** @return array<string, mixed> what _activate returned */
    public static function activate(string $module): array
    {
        $config = self::config($module);
        $isFirst = ModuleTables::names() === [];
        $answer = self::call($module, 'activate', []) ?? ['status' => 'success'];
        if ($isFirst) {
            ModuleTables::remember();
        }
        if (($answer['status'] ?? '') !== 'error') {
            self::remember([...self::active(), $module]);
            self::save($module, ['version' => (string) $config['version']]);
        }
        return $answer;
    }

    /** @return array<string, mixed> what _deactivate returned; its settings go with it */
    public static function deactivate(string $module): array
    {
        $answer = self::call($module, 'deactivate', []) ?? ['status' => 'success'];
        if (($answer['status'] ?? '') !== 'error') {
            self::remember(array_diff(self::active(), [$module]));
            Capsule::table('tbladdonmodules')->where('module', $module)->delete();
        }
        return $answer;
    }

    /** @param array<string, string> $settings as staff type them; kept in clear, passwords too */
    public static function save(string $module, array $settings): void
    {
        foreach ($settings as $setting => $value) {
            Capsule::table('tbladdonmodules')
                ->updateOrInsert(['module' => $module, 'setting' => $setting], ['value' => $value]);
        }
    }

    /** The page of the addon. Its _upgrade runs first when its version has changed since the last look. */
    public static function output(string $module): string
    {
        $config = self::config($module);
        $settings = Capsule::table('tbladdonmodules')->where('module', $module)->pluck('value', 'setting')->all();
        if (($settings['version'] ?? '') !== (string) $config['version']) {
            self::call($module, 'upgrade', $settings);
            self::save($module, ['version' => (string) $config['version']]);
            $settings['version'] = (string) $config['version'];
        }
        $vars = $settings + ['module' => $module, 'modulelink' => "addonmodules.php?module=$module", '_lang' => []];
        ob_start();
        try {
            self::call($module, 'output', $vars);
        } catch (\Throwable $error) {
            Faults::uncaught($error);
        }
        return (string) ob_get_clean();
    }

    /** @return array<string, mixed> what _config returns */
    public static function config(string $module): array
    {
        Modules::load('addons', $module);
        return ("{$module}_config")();
    }

    private static function call(string $module, string $function, array $vars): mixed
    {
        Modules::load('addons', $module);
        $name = "{$module}_$function";
        return function_exists($name) ? $name($vars) : null;
    }

    /** @param array<string> $modules */
    private static function remember(array $modules): void
    {
        Capsule::table('tblconfiguration')
            ->updateOrInsert(['setting' => self::ACTIVE], ['value' => implode(',', array_unique($modules))]);
    }
}
