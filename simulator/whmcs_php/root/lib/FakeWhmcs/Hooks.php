<?php

declare(strict_types=1);

namespace FakeWhmcs;

/**
 * The hooks of the modules in use, by name and priority.
 *
 * WHMCS finds a module's hooks.php when the module is activated.
 * Source: https://developers.whmcs.com/hooks/module-hooks
 */
final class Hooks
{
    /** @var array<string, list<array{int, callable}>> */
    private static array $hooks = [];
    private static bool $loaded = false;

    public static function add(string $name, int $priority, callable $function): void
    {
        self::$hooks[$name][] = [$priority, $function];
    }

    /** @return list<mixed> what they returned, nulls left out; an exception is recorded, as it would break a page */
    public static function run(string $name, array $vars): array
    {
        self::load();
        $hooks = self::$hooks[$name] ?? [];
        usort($hooks, static fn (array $one, array $other): int => $one[0] <=> $other[0]);
        $returned = [];
        foreach ($hooks as [, $function]) {
            try {
                $returned[] = $function($vars);
            } catch (\Throwable $error) {
                Faults::uncaught($error);
            }
        }
        return array_values(array_filter($returned, static fn ($value): bool => $value !== null));
    }

    public static function load(): void
    {
        if (self::$loaded) {
            return;
        }
        self::$loaded = true;
        foreach (Modules::hookFiles() as $file) {
            require_once $file;
        }
    }
}
