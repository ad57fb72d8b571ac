<?php

declare(strict_types=1);

namespace Dciflow\Page;

use Dciflow\Errand\Errands;
use Dciflow\Errand\ErrandSync;
use Dciflow\Prefect\Prefect;
use Dciflow\Prefect\PrefectError;
use Dciflow\Request\Cancellation;
use Dciflow\Request\Command;
use Dciflow\Request\Deadline;
use Dciflow\Request\ErrorBoundary;
use Dciflow\Request\Refusal;
use Dciflow\Request\Request;
use Dciflow\Request\Requests;
use Dciflow\Request\Sync;
use Dciflow\Store\Schema;
use Dciflow\Store\ServiceCache;
use Dciflow\Store\Settings;
use Dciflow\Store\Time;
use Dciflow\Whmcs\ModuleParams;
use Dciflow\Whmcs\Verification;
use Dciflow\Whmcs\Whmcs;
use Dciflow\Whmcs\WhmcsService;

if (!defined('WHMCS')) {
    die('This file cannot be accessed directly');
}

/** The module's custom functions: the buttons of staff and clients on a service's page. */
final class CustomFunctions
{
    private const UNLINK_SECONDS = 120; // between the two presses
    private const REFRESH_SECONDS = 30;

    /** @param array<string, mixed> $params */
    public static function sync(array $params): string
    {
        return ErrorBoundary::text(static function () use ($params): string {
            Schema::ensure();
            $serviceId = (new ModuleParams($params))->serviceId();
            $prefect = new Prefect(new Deadline(10.0));
            (new Sync($prefect))->service($serviceId);
            (new ErrandSync($prefect))->service($serviceId);
            return Command::SUCCESS;
        });
    }

    /** Have WHMCS run the last command again. @param array<string, mixed> $params */
    public static function retry(array $params): string
    {
        return ErrorBoundary::text(static function () use ($params): string {
            self::onlyStaff();
            Schema::ensure();
            $serviceId = (new ModuleParams($params))->serviceId();
            $last = Requests::last($serviceId);
            if ($last === null || $last->state === Request::DONE) {
                throw new Refusal('There is nothing to retry: the last request is done, or there was none.');
            }
            $problem = Whmcs::command($last->action, $serviceId);
            return $problem === '' ? Command::SUCCESS : $problem;
        });
    }

    /** Forget our rows of a service, at the second press. @param array<string, mixed> $params */
    public static function unlink(array $params): string
    {
        return ErrorBoundary::text(static function () use ($params): string {
            self::onlyStaff();
            Schema::ensure();
            $serviceId = (new ModuleParams($params))->serviceId();
            $open = Requests::open($serviceId);
            $errand = Errands::open($serviceId);
            if ($open !== null && $open->flowRunId !== null) {
                throw new Refusal($open->withLink("$open->action is open: wait for it or cancel its run first."));
            }
            $mark = "unlink $serviceId";
            if (Time::age(Settings::kept($mark)) > self::UNLINK_SECONDS || Settings::kept($mark) === null) {
                Settings::keep($mark, Time::now());
                throw new Refusal(
                    'Press Unlink again within 2 minutes to make WHMCS forget this service\'s server. '
                    . 'The ledger and the panel keep everything: the server stays the client\'s.'
                    . ($open === null ? '' : " Its $open->action is given up: look first whether Prefect has its run.")
                    . ($errand === null ? '' : " Its $errand->flow is given up: look first what its run does.")
                );
            }
            if ($open !== null && !Cancellation::giveUp($open)) {
                throw new Refusal("$open->action is being sent right now: look at its run first.");
            }
            if ($errand !== null) {
                Errands::close($errand, Request::FAILED, 'Given up by staff.');
            }
            Settings::forget($mark);
            Requests::forget($serviceId);
            ServiceCache::forget($serviceId);
            Whmcs::activity("WHMCS forgot the server of service $serviceId; the ledger and the panel keep everything");
            return Command::SUCCESS;
        });
    }

    /** Retry may run a deletion again, and Unlink forgets: neither is for the API's credential, nor for a client. */
    private static function onlyStaff(): void
    {
        if (!ModuleParams::isStaff()) {
            throw new Refusal('Only staff may do this, who are logged in to WHMCS\'s admin area. Nothing was changed.');
        }
    }

    /** The client's Refresh: read from Prefect how far the request is. @param array<string, mixed> $params */
    public static function refresh(array $params): string
    {
        return ErrorBoundary::text(static function () use ($params): string {
            Schema::ensure();
            $moduleParams = new ModuleParams($params);
            $service = WhmcsService::find($moduleParams->serviceId());
            if ($service === null || $moduleParams->isAddon()) {
                throw new Refusal('This service cannot be refreshed.');
            }
            Verification::check($moduleParams, $service);
            if (!ServiceCache::mayRefresh($service->id, self::REFRESH_SECONDS)) {
                throw new Refusal('It was refreshed just now: wait half a minute.');
            }
            try {
                $prefect = new Prefect(new Deadline(6.0));
                (new Sync($prefect))->service($service->id);
                (new ErrandSync($prefect))->service($service->id);
            } catch (Refusal | PrefectError $error) {
                // Addresses and links of the host's own systems are not the client's to read.
                throw new Refusal('The state cannot be read just now: try again later.');
            }
            return Command::SUCCESS;
        });
    }
}
