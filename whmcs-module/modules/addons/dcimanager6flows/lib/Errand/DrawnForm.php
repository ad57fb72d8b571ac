<?php

declare(strict_types=1);

namespace Dciflow\Errand;

use Dciflow\Prefect\Contract;
use Dciflow\Request\Refusal;

if (!defined('WHMCS')) {
    die('This file cannot be accessed directly');
}

/**
 * A form that its browser may send again, as a reload of the page of its answer does. It says which errand was the
 * service's youngest when it was drawn, so what takes something away happens once.
 */
final class DrawnForm
{
    public const FIELD = 'dcimanager6_drawn_after';

    /** The errand that a form of the service is drawn after; 0 for none. */
    public static function after(int $serviceId): int
    {
        return Errands::youngest($serviceId, Contract::SIGN_IN);
    }

    /** The form's field, for a page that PHP writes. */
    public static function html(int $serviceId): string
    {
        return '<input type="hidden" name="' . self::FIELD . '" value="' . self::after($serviceId) . '">';
    }

    /**
     * Check that nothing was asked for since the form was drawn; the sentence is for clients, too.
     *
     * @param array<string, mixed> $own the errand's own parameters
     * @throws Refusal something was
     */
    public static function check(string $flow, string $who, array $own, int $serviceId): void
    {
        $takesAway = in_array($own['command'] ?? '', [Contract::POWER_OFF, Contract::POWER_REBOOT], true);
        // Staff's buttons of power and rescue are WHMCS's own, without a form.
        $reboots = $flow === Contract::RESCUE || ($flow === Contract::POWER && $takesAway);
        if ($flow !== Contract::REINSTALL && !($who === Contract::BY_CLIENT && $reboots)) {
            return;
        }
        if (($_POST[self::FIELD] ?? '') !== (string) self::after($serviceId)) {
            throw new Refusal(
                'This page was drawn before what was done last, or was sent twice. Nothing was started: open the page of the '
                . 'service again, and press there if you still want it.'
            );
        }
    }
}
