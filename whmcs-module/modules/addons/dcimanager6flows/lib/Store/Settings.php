<?php

declare(strict_types=1);

namespace Dciflow\Store;

use WHMCS\Database\Capsule;

if (!defined('WHMCS')) {
    die('This file cannot be accessed directly');
}

/** What the host set in the addon, and what we generated once and keep. */
final class Settings
{
    public const ADDON = 'dcimanager6flows';
    private const TABLE = 'mod_dcimanager6_setting';

    /** Prefect's REST API, such as https://prefect.example.com/api; '' when it is not set. */
    public static function apiUrl(): string
    {
        return rtrim(trim(self::addon('api_url')), '/');
    }

    /** HTTP basic "user:password"; '' = none. WHMCS keeps addon settings in plain text. */
    public static function auth(): string
    {
        return trim(self::addon('auth'));
    }

    /** Where people look at runs, such as https://prefect.example.com/v2. */
    public static function uiUrl(): string
    {
        $set = rtrim(trim(self::addon('ui_url')), '/');
        return $set !== '' ? $set : (string) preg_replace('~/api\z~', '/v2', self::apiUrl());
    }

    /** Whether a command answers success only when its run has ended. */
    public static function strict(): bool
    {
        return self::addon('strict') === 'on';
    }

    /** Whether workers check the panels' certificates. */
    public static function verifyTls(): bool
    {
        return self::addon('any_certificate') !== 'on';
    }

    /** Names this WHMCS in idempotency keys, for ever. */
    public static function installation(): string
    {
        return self::generated('installation', 6);
    }

    /** The key of our keyed hashes; it never leaves this database. */
    public static function secret(): string
    {
        return self::generated('secret', 32);
    }

    public static function kept(string $name): ?string
    {
        $value = Capsule::table(self::TABLE)->where('name', $name)->value('value');
        return $value === null ? null : (string) $value;
    }

    public static function keep(string $name, string $value): void
    {
        // Two calls may store the same name at once, and neither may fail.
        Capsule::table(self::TABLE)->insertOrIgnore(['name' => $name, 'value' => $value]);
        Capsule::table(self::TABLE)->where('name', $name)->update(['value' => $value]);
    }

    public static function forget(string $name): void
    {
        Capsule::table(self::TABLE)->where('name', $name)->delete();
    }

    /**
     * The next number of a count that never goes back, unless this database does: by that a restored one is known.
     * Two calls at once get two numbers.
     */
    public static function next(string $name): int
    {
        Capsule::table(self::TABLE)->insertOrIgnore(['name' => $name, 'value' => '0']);
        return (int) Capsule::connection()->transaction(static function () use ($name): string {
            Capsule::table(self::TABLE)->where('name', $name)->increment('value');
            return (string) self::kept($name);
        });
    }

    private static function generated(string $name, int $bytes): string
    {
        $value = self::kept($name);
        if ($value === null) {
            // Of two that generate at once the first wins, and both read what it wrote.
            Capsule::table(self::TABLE)->insertOrIgnore(['name' => $name, 'value' => bin2hex(random_bytes($bytes))]);
            $value = (string) self::kept($name);
        }
        return $value;
    }

    private static function addon(string $setting): string
    {
        $value = Capsule::table('tbladdonmodules')
            ->where('module', self::ADDON)->where('setting', $setting)->value('value');
        return (string) $value;
    }
}
