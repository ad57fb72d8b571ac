<?php

declare(strict_types=1);

namespace FakeWhmcs;

/** The CSRF token of the admin area: always the same one; a wrong one ends the request. */
final class Token
{
    public const VALUE = 'simulated-csrf-token';

    public static function generate(string $type): string
    {
        return $type === 'plain' ? self::VALUE : '<input type="hidden" name="token" value="' . self::VALUE . '" />';
    }

    public static function check(mixed $token): void
    {
        if (($token ?? $_POST['token'] ?? $_REQUEST['token'] ?? null) !== self::VALUE) {
            // WHMCS ends the request with a page that says so; no module code runs after it.
            Control::answer(['html' => 'Invalid CSRF Protection Token']);
            exit;
        }
    }
}
