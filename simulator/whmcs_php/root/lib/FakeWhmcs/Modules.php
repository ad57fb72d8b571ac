<?php

declare(strict_types=1);

namespace FakeWhmcs;

use Illuminate\Database\Capsule\Manager as Capsule;

/** Finds and loads modules below the folder FAKE_WHMCS_MODULES. */
final class Modules
{
    public static function folder(): string
    {
        return (string) realpath((string) getenv('FAKE_WHMCS_MODULES'));
    }

    /** Whether the server module has this function; the module is loaded by asking. */
    public static function has(string $module, string $function): bool
    {
        self::load('servers', $module);
        return function_exists("{$module}_$function");
    }

    /** @return mixed what the module's function returns; throws what it throws */
    public static function call(string $module, string $function, array $params): mixed
    {
        if (!self::has($module, $function)) {
            throw new \BadFunctionCallException("The module $module has no function $function");
        }
        return ("{$module}_$function")($params);
    }

    public static function load(string $kind, string $module): void
    {
        if (!preg_match('/^[a-z][a-z0-9_]*$/', $module)) {
            throw new \InvalidArgumentException('A module\'s name is one word of small letters and digits');
        }
        $file = self::folder() . "/$kind/$module/$module.php";
        if (!is_file($file)) {
            throw new \RuntimeException("There is no module $kind/$module");
        }
        require_once $file;
    }

    /** @return list<string> hooks.php of active addons and of server modules that a product uses */
    public static function hookFiles(): array
    {
        $addons = array_map(static fn ($name): string => "addons/$name", Addons::active());
        $servers = Capsule::table('tblproducts')->distinct()->pluck('servertype')->filter()
            ->map(static fn ($name): string => "servers/$name")->all();
        $files = array_map(static fn ($path): string => self::folder() . "/$path/hooks.php", [...$addons, ...$servers]);
        return array_values(array_filter($files, 'is_file'));
    }
}
