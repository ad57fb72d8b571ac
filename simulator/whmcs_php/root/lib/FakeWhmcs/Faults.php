<?php

declare(strict_types=1);

namespace FakeWhmcs;

/**
 * Every warning, notice or deprecation of module code, and every exception that it let out.
 *
 * Kept in a file, not in the database: a module's rolled-back transaction must not take them along.
 */
final class Faults
{
    public static function watch(): void
    {
        error_reporting(E_ALL);
        ini_set('display_errors', '0');
        set_error_handler(static function (int $level, string $what, string $file, int $line): bool {
            // A silencing @ leaves only fatal levels in error_reporting().
            if (error_reporting() & $level && self::isModuleCode($file)) {
                self::record($what, $file, $line);
            }
            return true;
        });
        register_shutdown_function(static function (): void {
            $last = error_get_last();
            if ($last !== null && $last['type'] & (E_ERROR | E_PARSE | E_CORE_ERROR | E_COMPILE_ERROR)) {
                self::record($last['message'], $last['file'], $last['line']);
            }
        });
    }

    public static function uncaught(\Throwable $error): void
    {
        self::record(get_class($error) . ': ' . $error->getMessage(), $error->getFile(), $error->getLine());
    }

    /** What code printed where WHMCS prints nothing. */
    public static function output(string $text): void
    {
        self::record("printed: $text", 'output', 0);
    }

    /** @return list<string> */
    public static function all(): array
    {
        return is_file(self::file()) ? (array) file(self::file(), FILE_IGNORE_NEW_LINES) : [];
    }

    public static function forget(): void
    {
        file_put_contents(self::file(), '');
    }

    private static function record(string $what, string $file, int $line): void
    {
        $text = strtok($what, "\n") . " ($file:$line)";
        file_put_contents(self::file(), $text . "\n", FILE_APPEND | LOCK_EX);
    }

    private static function isModuleCode(string $file): bool
    {
        return str_starts_with($file, Modules::folder()) || str_starts_with($file, Templates::compiled());
    }

    private static function file(): string
    {
        return getenv('FAKE_WHMCS_HOME') . '/php-faults.log';
    }
}
