<?php

declare(strict_types=1);

namespace Dciflow\Whmcs;

use Dciflow\Errand\Errands;
use Dciflow\Errand\ErrandSync;
use Dciflow\Prefect\Contract;
use Dciflow\Prefect\Prefect;
use Dciflow\Prefect\PrefectError;
use Dciflow\Request\Cancellation;
use Dciflow\Request\Deadline;
use Dciflow\Request\ErrorBoundary;
use Dciflow\Request\OutcomeNotifier;
use Dciflow\Request\Request;
use Dciflow\Request\Requests;
use Dciflow\Request\Sync;
use Dciflow\Store\InstallationCheck;
use Dciflow\Store\Overview;
use Dciflow\Store\Schema;
use Dciflow\Store\ServiceCache;
use Dciflow\Store\Stock;

if (!defined('WHMCS')) {
    die('This file cannot be accessed directly');
}

/** What runs at every call of WHMCS's cron. It finds all that flows report sooner, so no report has to arrive. */
final class Cron
{
    private const SECONDS = 45.0; // WHMCS calls its cron every five minutes and has more to do
    private const STALE_SECONDS = 120; // a flow reports its steps by itself; after this we ask
    private const ROWS = 60;
    private const RETRIED_DAYS = 7; // within which a run that failed is retried, if at all

    public static function run(): void
    {
        Schema::ensure();
        if (!InstallationCheck::isOriginal()) {
            return; // a copy: its commands and the addon's page say why
        }
        $deadline = new Deadline(self::SECONDS);
        ErrorBoundary::quietly(static function () use ($deadline): void {
            Verification::startWaiting($deadline);
        });
        self::open($deadline);
        foreach (Errands::stale(self::STALE_SECONDS, self::ROWS) as $errand) {
            if ($deadline->isOver()) {
                break;
            }
            ErrorBoundary::quietly(static function () use ($errand): void {
                (new ErrandSync(new Prefect(new Deadline(5.0))))->look($errand);
            });
        }
        self::retried($deadline);
        foreach (Requests::untold() as $closed) {
            ErrorBoundary::quietly(static function () use ($closed): void {
                Requests::looked($closed);
                OutcomeNotifier::notify($closed);
            });
        }
        foreach (ServiceCache::withWaitingMail() as $serviceId) {
            ErrorBoundary::quietly(static function () use ($serviceId): void {
                WelcomeMail::deliver($serviceId);
            });
        }
        ErrorBoundary::quietly([Stock::class, 'follow']);
        ErrorBoundary::quietly([Overview::class, 'refresh']);
    }

    /** Reinstallations that failed and whose runs somebody may have had Prefect retry: mostly that costs no call. */
    private static function retried(Deadline $deadline): void
    {
        $failed = Errands::failed(Contract::REINSTALL, self::RETRIED_DAYS, self::STALE_SECONDS, self::ROWS);
        foreach ($failed as $errand) {
            if ($deadline->isOver()) {
                return;
            }
            ErrorBoundary::quietly(static function () use ($errand): void {
                Errands::looked($errand);
                (new ErrandSync(new Prefect(new Deadline(5.0))))->service($errand->serviceId);
            });
        }
    }

    private static function open(Deadline $deadline): void
    {
        foreach (Requests::stale(self::STALE_SECONDS, self::ROWS) as $request) {
            if ($deadline->isOver()) {
                return;
            }
            $reachable = true;
            ErrorBoundary::quietly(static function () use ($request, &$reachable): void {
                try {
                    self::one($request);
                } catch (PrefectError $error) {
                    $reachable = $error->isRefused;
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
            if ($why !== '' && Cancellation::overtake($request, $why)) {
                return;
            }
        }
        (new Sync(new Prefect(new Deadline(10.0))))->request($request);
    }

    /** Why a request that Prefect does not have is not sent any more; '' when it is. */
    private static function notWanted(Request $request): string
    {
        $service = WhmcsService::find($request->serviceId);
        if ($service === null) {
            return 'the deletion of the service in WHMCS';
        }
        if ($service->isOver()) {
            return "the service's being $service->status";
        }
        if ($request->action !== Contract::SUSPEND) {
            return '';
        }
        // Whoever asked, and however WHMCS's cron was called: an hour later only what WHMCS says now counts.
        return $service->notSuspended($request->requestedBy === Contract::BY_ADMIN);
    }
}
