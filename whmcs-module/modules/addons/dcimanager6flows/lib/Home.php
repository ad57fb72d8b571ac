<?php

declare(strict_types=1);

namespace Dciflow;

use WHMCS\Database\Capsule;

if (!defined('WHMCS')) {
    die('This file cannot be accessed directly');
}

/**
 * The WHMCS that the services belong to, known by its System URL. A copy of it, for staging say, has the same settings
 * and the same numbers of services, and its cron would suspend and delete the servers of clients who have paid.
 */
final class Home
{
    private const KEPT = 'home';

    /** @throws Refusal this WHMCS is not the one that its tables were made in */
    public static function check(): void
    {
        if (!self::isHere()) {
            throw new Refusal(self::why());
        }
    }

    public static function isHere(): bool
    {
        $here = self::address();
        $kept = Settings::kept(self::KEPT);
        if ($kept === null && $here !== '') {
            Settings::keep(self::KEPT, $here);
        }
        return $kept === null || $kept === $here;
    }

    /** Staff say that WHMCS has moved: this is the real one from here on. */
    public static function move(): string
    {
        Settings::keep(self::KEPT, self::address());
        Whmcs::activity('staff say that this WHMCS, now at ' . self::address() . ', is the one that the services belong to');
        return 'Services are driven from here again.';
    }

    public static function why(): string
    {
        return 'This WHMCS is at ' . (self::address() ?: 'no System URL') . ', and its services belong to the one at '
            . Settings::kept(self::KEPT) . '. Nothing is started from a copy. If WHMCS has moved, say so on the page of '
            . 'the addon "DCImanager 6 flows".';
    }

    /** Host and path of the System URL: whether it is https makes no other WHMCS of it. */
    private static function address(): string
    {
        $url = (string) Capsule::table('tblconfiguration')->where('setting', 'SystemURL')->value('value');
        return rtrim((string) preg_replace('~\Ahttps?://~', '', strtolower(trim($url))), '/');
    }
}
