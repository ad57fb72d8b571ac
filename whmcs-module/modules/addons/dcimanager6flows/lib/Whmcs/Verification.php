<?php

declare(strict_types=1);

namespace Dciflow\Whmcs;

use Dciflow\Prefect\Contract;
use Dciflow\Request\Deadline;
use Dciflow\Request\Order;
use Dciflow\Request\Refusal;
use Dciflow\Request\Requests;
use Dciflow\Request\WaitingRequests;

if (!defined('WHMCS')) {
    die('This file cannot be accessed directly');
}

/** The product's "User email verifying option check": an unverified client cannot manage the service through WHMCS. */
final class Verification
{
    public const HOW = 'Open the link in the verification e-mail; "Resend Verification Email" at the top of the client '
        . 'area sends it again.';

    /** Whether the product asks for it and the client's address is not verified. */
    public static function isMissing(ModuleParams $moduleParams, WhmcsService $service): bool
    {
        return $moduleParams->isOn(Order::VERIFIED_ONLY) && !Whmcs::isVerified($service->clientId);
    }

    /** Refuse a client's own command. */
    public static function check(ModuleParams $moduleParams, WhmcsService $service): void
    {
        if (self::isMissing($moduleParams, $service)) {
            throw new Refusal('Your e-mail address is not verified, so this service cannot be managed. ' . self::HOW);
        }
    }

    /**
     * Let an activation pass, or keep it waiting for the client. Staff who press the button override it.
     *
     * @throws Refusal it waits
     */
    public static function checkActivation(ModuleParams $moduleParams, WhmcsService $service): void
    {
        if (!self::isMissing($moduleParams, $service)) {
            return;
        }
        if (ModuleParams::isStaff()) {
            Whmcs::activity(
                "staff activate service $service->id although its client's e-mail address is not verified",
                $service->clientId
            );
            return;
        }
        $reason = 'The client\'s e-mail address is not verified and the product asks for that: '
            . 'the activation starts when it is. Staff may press Create to start it now.';
        WaitingRequests::add($service, Contract::ACTIVATE, $reason);
        throw new Refusal($reason);
    }

    /** Start the activations whose clients are verified by now; what the deadline leaves is the next cron's. */
    public static function startWaiting(Deadline $deadline): void
    {
        foreach (WaitingRequests::all() as $waiting) {
            if ($deadline->isOver()) {
                return;
            }
            Requests::looked($waiting);
            $service = WhmcsService::find($waiting->serviceId);
            if ($service === null || $service->status !== WhmcsService::PENDING) {
                WaitingRequests::stop($waiting->serviceId, 'The service is not Pending any more.');
            } elseif (Whmcs::isVerified($waiting->clientId)) {
                // Tried once: if it fails, staff have to look.
                WaitingRequests::stop($waiting->serviceId, 'The address is verified.');
                $problem = Whmcs::command(Contract::ACTIVATE, $waiting->serviceId);
                if ($problem !== '') {
                    Whmcs::activity("service $waiting->serviceId waited for its client's e-mail address: $problem");
                }
            }
        }
    }
}
