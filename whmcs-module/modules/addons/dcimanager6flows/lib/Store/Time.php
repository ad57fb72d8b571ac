<?php

declare(strict_types=1);

namespace Dciflow\Store;

if (!defined('WHMCS')) {
    die('This file cannot be accessed directly');
}

/** Times as our tables keep them: UTC, `Y-m-d H:i:s`, which sorts as text. */
final class Time
{
    public static function now(): string
    {
        return self::at(time());
    }

    /** `$seconds` from now; negative for the past. */
    public static function in(int $seconds): string
    {
        return self::at(time() + $seconds);
    }

    public static function at(int $timestamp): string
    {
        return gmdate('Y-m-d H:i:s', $timestamp);
    }

    /** A time of ours as ISO 8601 has it: "2026-01-31T23:59:59Z". */
    public static function iso(string $time): string
    {
        return str_replace(' ', 'T', $time) . 'Z';
    }

    /** Seconds since a time of ours; 0 for none. */
    public static function age(?string $time): int
    {
        $then = $time === null ? false : strtotime($time . ' UTC');
        return $then === false ? 0 : max(0, time() - $then);
    }

    /** An age in words of two units at most: "2 h 5 min". */
    public static function words(int $seconds): string
    {
        if ($seconds < 60) {
            return $seconds . ' s';
        }
        if ($seconds < 3600) {
            return intdiv($seconds, 60) . ' min';
        }
        if ($seconds < 86400) {
            return intdiv($seconds, 3600) . ' h ' . intdiv($seconds % 3600, 60) . ' min';
        }
        return intdiv($seconds, 86400) . ' d ' . intdiv($seconds % 86400, 3600) . ' h';
    }
}
