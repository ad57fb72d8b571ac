<?php

declare(strict_types=1);

namespace Dciflow\Request;

use Dciflow\Store\Time;
use Illuminate\Database\Query\Builder;

if (!defined('WHMCS')) {
    die('This file cannot be accessed directly');
}

/** How an open request ends that is not to be done any more: a later one goes before it, or staff give it up. */
final class Cancellation
{
    /** Give up a request that Prefect cannot have. False: it may have it after all. */
    public static function overtake(Request $request, string $by): bool
    {
        return self::end(Requests::rows()->where('maybe_sent', 0), $request, "Overtaken by $by before Prefect had it.");
    }

    /** End a suspension, sent or not, because the client has paid. False: it is closed already. */
    public static function overtakeSent(Request $request, string $by): bool
    {
        $isClosed = Requests::close($request, Request::CANCELLED, "Overtaken by $by.");
        if ($isClosed) {
            Requests::told($request, Request::TOLD_ALL);
        }
        return $isClosed;
    }

    /** Give up a request without a run because a person looked and Prefect does not have it. False: it has a run. */
    public static function giveUp(Request $request): bool
    {
        return self::end(Requests::rows(), $request, 'Given up by staff: Prefect did not have it.');
    }

    private static function end(Builder $rows, Request $request, string $message): bool
    {
        return $rows->where('id', $request->id)->where('state', Request::REQUESTED)->whereNull('flow_run_id')
            ->where(static function ($asked): void {
                $asked->whereNull('asked_until')->orWhere('asked_until', '<', Time::now());
            })
            ->update(['open_for' => null, 'state' => Request::CANCELLED, 'told' => Request::TOLD_ALL,
                'message' => $message, 'updated_at' => Time::now(), 'closed_at' => Time::now()]) > 0;
    }
}
