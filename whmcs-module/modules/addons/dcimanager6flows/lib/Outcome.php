<?php

declare(strict_types=1);

namespace Dciflow;

if (!defined('WHMCS')) {
    die('This file cannot be accessed directly');
}

/** Tells WHMCS how a request ended that ended after its command had answered. */
final class Outcome
{
    public static function tell(Request $request): void
    {
        if ($request->isAsked() || $request->told === Request::TOLD_ALL) {
            return; // the command that is on it right now says it itself
        }
        if ($request->state === Request::DONE) {
            self::done($request);
        } elseif ($request->state === Request::FAILED) {
            self::failed($request);
        }
    }

    private static function done(Request $request): void
    {
        $service = Hosting::find($request->serviceId);
        if ($service === null || self::isPast($request, $service)) {
            Requests::told($request, Request::TOLD_ALL);
            return;
        }
        if ($request->told === Request::TOLD_NOTHING) {
            // WHMCS still thinks that it failed or was not done: its own command finds the request done and says so.
            $problem = Whmcs::command($request->action, $request->serviceId);
            if ($problem !== '') {
                if (Requests::note($request, $problem)) {
                    $what = "$request->action of service $request->serviceId is done";
                    Whmcs::activity("$what, but $problem; the cron tries again", $request->clientId);
                }
                return;
            }
        } elseif ($request->action === 'activate') {
            Hosting::makeActive($request->serviceId);
        }
        Requests::told($request, Request::TOLD_ALL);
        Whmcs::resolve($request);
        if ($request->action === 'activate') {
            WelcomeMail::deliver($request->serviceId);
        }
    }

    private static function failed(Request $request): void
    {
        if (!Requests::claimNotification($request)) {
            return;
        }
        $function = Whmcs::FUNCTIONS[$request->action];
        $reason = $request->withLink($request->message);
        $service = Hosting::find($request->serviceId);
        // Retry of a command that WHMCS's status forbids would only fail again: then staff are told, and no more.
        if ($service !== null && !self::isPast($request, $service)) {
            Whmcs::queue($request, $reason);
        }
        $title = "$function of service $request->serviceId failed";
        if ($request->action === 'unsuspend') {
            // The client has paid, WHMCS says Active, and the server is still cut off.
            $title = "URGENT: $title, a paying client is still offline";
        }
        Whmcs::activity("$title: $reason", $request->clientId);
        Whmcs::notify($title, $request->message, $request->link());
    }

    /** Whether the service has left the state for which this was asked. */
    private static function isPast(Request $request, Hosting $service): bool
    {
        return $service->isOver() && $request->action !== 'terminate';
    }
}
