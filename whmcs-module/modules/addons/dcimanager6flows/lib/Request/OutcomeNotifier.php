<?php

declare(strict_types=1);

namespace Dciflow\Request;

use Dciflow\Prefect\Contract;
use Dciflow\Whmcs\WelcomeMail;
use Dciflow\Whmcs\Whmcs;
use Dciflow\Whmcs\WhmcsService;

if (!defined('WHMCS')) {
    die('This file cannot be accessed directly');
}

/** Tells WHMCS the outcome of a request that ended after its command had answered. */
final class OutcomeNotifier
{
    public static function notify(Request $request): void
    {
        if ($request->isAsked() || $request->told === Request::TOLD_ALL) {
            return; // its command is still running and answers with the outcome
        }
        if ($request->state === Request::DONE) {
            self::done($request);
        } elseif ($request->state === Request::FAILED) {
            self::failed($request);
        }
    }

    private static function done(Request $request): void
    {
        $service = WhmcsService::find($request->serviceId);
        if ($service === null || self::isPast($request, $service)) {
            Requests::told($request, Request::TOLD_ALL);
            return;
        }
        if ($request->told === Request::TOLD_NOTHING) {
            // For WHMCS the command failed. Run again, it finds the request done and answers success.
            $problem = Whmcs::command($request->action, $request->serviceId);
            if ($problem !== '') {
                if (Requests::note($request, $problem)) {
                    $what = "$request->action of service $request->serviceId is done";
                    Whmcs::activity("$what, but $problem; the cron tries again", $request->clientId);
                }
                return;
            }
        } elseif ($request->action === Contract::ACTIVATE) {
            WhmcsService::makeActive($request->serviceId);
        }
        Requests::told($request, Request::TOLD_ALL);
        Whmcs::resolve($request);
        if ($request->action === Contract::ACTIVATE) {
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
        $service = WhmcsService::find($request->serviceId);
        // A command that the service's status forbids would only fail again: it is reported and not queued.
        if ($service !== null && !self::isPast($request, $service)) {
            Whmcs::queue($request, $reason);
        }
        $title = "$function of service $request->serviceId failed";
        if ($request->action === Contract::UNSUSPEND) {
            // The client has paid, WHMCS says Active, and the server is still cut off.
            $title = "URGENT: $title, a paying client is still offline";
        }
        Whmcs::activity("$title: $reason", $request->clientId);
        Whmcs::notify($title, $request->message, $request->link());
    }

    /** Whether the service has left the state for which this was asked. */
    private static function isPast(Request $request, WhmcsService $service): bool
    {
        return $service->isOver() && $request->action !== Contract::TERMINATE;
    }
}
