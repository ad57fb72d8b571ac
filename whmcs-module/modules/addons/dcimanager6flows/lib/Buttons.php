<?php

declare(strict_types=1);

namespace Dciflow;

if (!defined('WHMCS')) {
    die('This file cannot be accessed directly');
}

/** What staff and clients may press on a service's page. */
final class Buttons
{
    private const UNLINK_SECONDS = 120; // between the two presses
    private const REFRESH_SECONDS = 30;

    /** @param array<string, mixed> $params */
    public static function sync(array $params): string
    {
        return Guard::text(static function () use ($params): string {
            Schema::ensure();
            (new Sync(new Prefect(new Deadline(10.0))))->service((new Call($params))->serviceId());
            return Command::SUCCESS;
        });
    }

    /** Have WHMCS run the last command that failed once more. @param array<string, mixed> $params */
    public static function retry(array $params): string
    {
        return Guard::text(static function () use ($params): string {
            Schema::ensure();
            $serviceId = (new Call($params))->serviceId();
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
        return Guard::text(static function () use ($params): string {
            Schema::ensure();
            $serviceId = (new Call($params))->serviceId();
            $open = Requests::open($serviceId);
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
                );
            }
            if ($open !== null && !Requests::giveUp($open)) {
                throw new Refusal("$open->action is being sent right now: look at its run first.");
            }
            Settings::forget($mark);
            Requests::forget($serviceId);
            Services::forget($serviceId);
            Whmcs::activity("WHMCS forgot the server of service $serviceId; the ledger and the panel keep everything");
            return Command::SUCCESS;
        });
    }

    /** The client's own look at how far it is. @param array<string, mixed> $params */
    public static function refresh(array $params): string
    {
        return Guard::text(static function () use ($params): string {
            Schema::ensure();
            $call = new Call($params);
            $service = Hosting::find($call->serviceId());
            if ($service === null || $call->isAddon()) {
                throw new Refusal('This service cannot be refreshed.');
            }
            Verification::check($call, $service);
            if (!Services::mayRefresh($service->id, self::REFRESH_SECONDS)) {
                throw new Refusal('It was refreshed just now: wait half a minute.');
            }
            try {
                (new Sync(new Prefect(new Deadline(6.0))))->service($service->id);
            } catch (Refusal | PrefectError $error) {
                // Addresses and links of the host's own systems are not the client's to read.
                throw new Refusal('The state cannot be read just now: try again later.');
            }
            return Command::SUCCESS;
        });
    }
}
