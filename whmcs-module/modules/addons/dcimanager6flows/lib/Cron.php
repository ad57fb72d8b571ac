<?php

declare(strict_types=1);

namespace Dciflow;

if (!defined('WHMCS')) {
    die('This file cannot be accessed directly');
}

/** What every cron call of WHMCS does for us: the guarantee behind all that is sent for speed. */
final class Cron
{
    private const SECONDS = 45.0; // WHMCS calls its cron every five minutes and has more to do
    private const STALE_SECONDS = 120; // a flow tells us its steps itself; after this we ask
    private const ROWS = 60;

    public static function run(): void
    {
        Schema::ensure();
        if (!Home::isHere()) {
            return; // a copy: its commands and the addon's page say why
        }
        $deadline = new Deadline(self::SECONDS);
        Guard::quietly(static function () use ($deadline): void {
            Verification::startWaiting($deadline);
        });
        self::open($deadline);
        foreach (Requests::untold() as $closed) {
            Guard::quietly(static function () use ($closed): void {
                Requests::looked($closed);
                Outcome::tell($closed);
            });
        }
        foreach (Services::withWaitingMail() as $serviceId) {
            Guard::quietly(static function () use ($serviceId): void {
                WelcomeMail::deliver($serviceId);
            });
        }
        Guard::quietly([Stock::class, 'follow']);
    }

    private static function open(Deadline $deadline): void
    {
        foreach (Requests::stale(self::STALE_SECONDS, self::ROWS) as $request) {
            if ($deadline->isOver()) {
                return;
            }
            $reachable = true;
            Guard::quietly(static function () use ($request, &$reachable): void {
                try {
                    self::one($request);
                } catch (PrefectError $error) {
                    $reachable = false;
                    throw $error;
                }
            });
            if (!$reachable) {
                return; // the others would wait as long for the same answer
            }
        }
    }

    private static function one(Request $request): void
    {
        if ($request->flowRunId === null) {
            if (!Sync::isSentByOthers($request)) {
                Requests::looked($request);
                return;
            }
            $why = self::notWanted($request);
            if ($why !== '' && Requests::overtake($request, $why)) {
                return;
            }
        }
        (new Sync(new Prefect(new Deadline(10.0))))->request($request);
    }

    /** Why a request that Prefect does not have is not sent any more; '' when it is. */
    private static function notWanted(Request $request): string
    {
        $service = Hosting::find($request->serviceId);
        if ($service === null) {
            return 'the deletion of the service in WHMCS';
        }
        if ($service->isOver()) {
            return "the service's being $service->status";
        }
        // Paid in the meantime: WHMCS would not suspend it now.
        $isPaid = $request->action === 'suspend' && $request->requestedBy === 'cron' && $service->isPaidAhead();
        return $isPaid ? 'a payment' : '';
    }
}
