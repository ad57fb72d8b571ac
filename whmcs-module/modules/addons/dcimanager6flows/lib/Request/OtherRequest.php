<?php

declare(strict_types=1);

namespace Dciflow\Request;

use Dciflow\Prefect\Contract;
use Dciflow\Prefect\PrefectError;
use Dciflow\Prefect\RunRequest;
use Dciflow\Whmcs\ModuleParams;
use Dciflow\Whmcs\Whmcs;

if (!defined('WHMCS')) {
    die('This file cannot be accessed directly');
}

/** What a command does about a service's open request of another action. */
final class OtherRequest
{
    /** Finish the other action's request if it is over, or give it up if Prefect never had it; else refuse. */
    public static function close(Request $open, string $action, Sync $sync): void
    {
        // Nothing goes over a payment: what brings a service back is sent, and the suspension waits.
        $isPayment = $open->action === Contract::UNSUSPEND || $open->action === Contract::ACTIVATE;
        if (!($action === Contract::SUSPEND && $isPayment) && Cancellation::overtake($open, $action)) {
            return;
        }
        if ($action === Contract::UNSUSPEND && $open->action === Contract::SUSPEND) {
            self::overtakeSuspension($open, $action, $sync);
            return;
        }
        if (self::isPutOff($open, $action, $sync) && self::overtakeSent($open, $action)) {
            return;
        }
        $now = $sync->request($open);
        if ($now->isOpen() && $now->flowRunId === null) {
            $name = RunRequest::nameOf($now->action, $now->serviceId);
            throw new Refusal(
                "Service $now->serviceId is busy with $now->action since $now->createdAt UTC, and whether Prefect has it "
                . "is unknown: look there for $name. If there is none, press Unlink "
                . 'twice to give it up, then Retry.'
            );
        }
        if ($now->isOpen()) {
            throw new Refusal($now->withLink(
                "Service $now->serviceId is busy with $now->action since $now->createdAt UTC: "
                . 'wait for it or cancel its run, then press Retry.'
            ));
        }
        OutcomeNotifier::notify($now);
    }

    /**
     * Go over a suspension that Prefect has, or may have: nobody who has paid waits for it. Its flow does the same,
     * also when it begins after this.
     */
    private static function overtakeSuspension(Request $open, string $action, Sync $sync): void
    {
        try {
            $open = $open->flowRunId === null ? $open : $sync->look($open);
        } catch (PrefectError $error) {
            // Where it stands is not known, and makes no difference.
        }
        if (!$open->isOpen()) {
            OutcomeNotifier::notify($open);
        } else {
            self::overtakeSent($open, $action);
        }
    }

    /** Whether staff press Suspend while the suspension of somebody else waits for its grace: theirs is at once. */
    public static function isHurried(Request $open, string $action, Sync $sync): bool
    {
        return $action === Contract::SUSPEND && $open->requestedBy !== Contract::BY_ADMIN
            && ModuleParams::requester() === Contract::BY_ADMIN && self::isPutOff($open, $action, $sync);
    }

    /**
     * Whether a suspension, or a deletion, goes over a suspension that waits for its grace. Its run comes all the same, and
     * does only what WHMCS wants then.
     */
    private static function isPutOff(Request $open, string $action, Sync $sync): bool
    {
        $mayGoOver = in_array($action, [Contract::SUSPEND, Contract::TERMINATE], true);
        if (!$mayGoOver || $open->action !== Contract::SUSPEND || $open->flowRunId === null) {
            return false;
        }
        try {
            return $sync->look($open)->isOpen() && $sync->isPutOff();
        } catch (PrefectError $error) {
            return false; // where it stands is not known: it counts as one that is under way
        }
    }

    private static function overtakeSent(Request $open, string $action): bool
    {
        $isClosed = Cancellation::overtakeSent($open, $action);
        if ($isClosed) {
            $line = "Suspend of service $open->serviceId: overtaken by $action.";
            Whmcs::activity($open->withLink($line), $open->clientId);
            Whmcs::resolve($open);
        }
        return $isClosed;
    }
}
