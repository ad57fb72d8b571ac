<?php

declare(strict_types=1);

namespace Dciflow\Store;

use Dciflow\Request\Refusal;
use Dciflow\Whmcs\Whmcs;
use WHMCS\Database\Capsule;

if (!defined('WHMCS')) {
    die('This file cannot be accessed directly');
}

/**
 * Whether this is the WHMCS that the services belong to, known by its System URL. A copy, for staging for example, has
 * the same settings and the same service ids: its cron would suspend and delete the servers of clients who have paid.
 */
final class InstallationCheck
{
    private const KEPT = 'home';

    /** @throws Refusal this WHMCS is not the one that its tables were made in */
    public static function refuseCopy(): void
    {
        if (!self::isOriginal()) {
            throw new Refusal(self::reason());
        }
    }

    public static function isOriginal(): bool
    {
        $here = self::address();
        $kept = Settings::kept(self::KEPT);
        if ($kept === null && $here !== '') {
            Settings::keep(self::KEPT, $here);
        }
        return $kept === null || $kept === $here;
    }

    /** WHMCS has moved, as staff say: this is the original from now on. */
    public static function moveHere(): string
    {
        Settings::keep(self::KEPT, self::address());
        Whmcs::activity('staff say that this WHMCS, now at ' . self::address() . ', is the one that the services belong to');
        return 'Services are driven from here again.';
    }

    public static function reason(): string
    {
        return 'This WHMCS is at ' . (self::address() ?: 'no System URL') . ', and its services belong to the one at '
            . Settings::kept(self::KEPT) . '. Nothing is started from a copy. If WHMCS has moved, say so on the page of '
            . 'the addon "DCImanager 6 flows".';
    }

    /** Host and path of the System URL; http and https are the same WHMCS. */
    private static function address(): string
    {
        $url = (string) Capsule::table('tblconfiguration')->where('setting', 'SystemURL')->value('value');
        return rtrim((string) preg_replace('~\Ahttps?://~', '', strtolower(trim($url))), '/');
    }
}
