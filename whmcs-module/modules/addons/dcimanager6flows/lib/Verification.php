<?php

declare(strict_types=1);

namespace Dciflow;

if (!defined('WHMCS')) {
    die('This file cannot be accessed directly');
}

/** The product's "User email verifying option check": an unverified client cannot manage the service through WHMCS. */
final class Verification
{
    public const HOW = 'Open the link in the verification e-mail; "Resend Verification Email" at the top of the client '
        . 'area sends it again.';

    /** Whether the product asks for it and the client's address is not verified. */
    public static function isMissing(Call $call, Hosting $service): bool
    {
        return $call->isOn(Order::VERIFIED_ONLY) && !Whmcs::isVerified($service->clientId);
    }

    /** Refuse a client's own command. */
    public static function check(Call $call, Hosting $service): void
    {
        if (self::isMissing($call, $service)) {
            throw new Refusal('Your e-mail address is not verified, so this service cannot be managed. ' . self::HOW);
        }
    }

    /**
     * Let an activation pass, or keep it waiting for the client. Staff who press the button override it.
     *
     * @throws Refusal it waits
     */
    public static function checkActivation(Call $call, Hosting $service): void
    {
        if (!self::isMissing($call, $service)) {
            return;
        }
        if (Call::isStaff()) {
            Whmcs::activity(
                "staff activate service $service->id although its client's e-mail address is not verified",
                $service->clientId
            );
            return;
        }
        $reason = 'The client\'s e-mail address is not verified and the product asks for that: '
            . 'the activation starts when it is. Staff may press Create to start it now.';
        Requests::wait($service, 'activate', $reason);
        throw new Refusal($reason);
    }

    /** Start the activations whose clients are verified by now; what the deadline leaves is the next cron's. */
    public static function startWaiting(Deadline $deadline): void
    {
        foreach (Requests::waiting() as $waiting) {
            if ($deadline->isOver()) {
                return;
            }
            Requests::looked($waiting);
            $service = Hosting::find($waiting->serviceId);
            if ($service === null || $service->status !== Hosting::PENDING) {
                Requests::stopWaiting($waiting->serviceId, 'The service is not Pending any more.');
            } elseif (Whmcs::isVerified($waiting->clientId)) {
                // Tried once: if it fails then, it is staff's to look at.
                Requests::stopWaiting($waiting->serviceId, 'The address is verified.');
                $problem = Whmcs::command('activate', $waiting->serviceId);
                if ($problem !== '') {
                    Whmcs::activity("service $waiting->serviceId waited for its client's e-mail address: $problem");
                }
            }
        }
    }
}
