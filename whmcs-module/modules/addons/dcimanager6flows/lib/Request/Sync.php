<?php

declare(strict_types=1);

namespace Dciflow\Request;

use Dciflow\Prefect\Contract;
use Dciflow\Prefect\Prefect;
use Dciflow\Prefect\PrefectError;
use Dciflow\Prefect\Run;
use Dciflow\Prefect\RunRequest;
use Dciflow\Store\ChosenServer;
use Dciflow\Store\ServiceCache;
use Dciflow\Store\Time;
use Dciflow\Whmcs\Whmcs;
use Dciflow\Whmcs\WhmcsService;

if (!defined('WHMCS')) {
    die('This file cannot be accessed directly');
}

/**
 * Brings an open request up to date with its run. It believes only Prefect, so it may be called at any time, twice,
 * late or out of order.
 */
final class Sync
{
    private const UNNAMED_SECONDS = 7200; // to wait for an OS installation whose run was not named
    private const NEW_KEYS = 2; // that a request gets whose key finds another one's run
    private const HANDOVERS = 5; // runs that one request may go through in one look; there are two

    private Prefect $prefect;
    private ?int $putOffUntil = null;

    public function __construct(Prefect $prefect)
    {
        $this->prefect = $prefect;
    }

    /** The service's open request and what was not told yet: one line of what there is. */
    public function service(int $serviceId): string
    {
        $open = Requests::open($serviceId);
        if ($open !== null) {
            $open = $this->request($open);
        }
        foreach (Requests::untold($serviceId) as $closed) {
            OutcomeNotifier::notify($closed);
        }
        if ($open === null) {
            return 'No request is open.';
        }
        return $open->withLink(ucfirst($open->action) . " is $open->state.");
    }

    /**
     * Whether the cron and other calls may send a request that Prefect does not have. Only its own command sends a
     * deletion: the client may have paid since, and nobody may want the wipe of an hour ago any more.
     */
    public static function isSentByOthers(Request $request): bool
    {
        return $request->action !== Contract::TERMINATE;
    }

    /** Whether the run that was looked at last begins only later: there is nothing to wait for now. */
    public function isPutOff(): bool
    {
        return $this->putOffUntil !== null;
    }

    /** Look at one open request, sending it first if Prefect does not have it. */
    public function request(Request $request): Request
    {
        Requests::looked($request);
        if ($request->flowRunId === null) {
            if ($request->isAsked() || !self::isSentByOthers($request)) {
                return $request; // a module call sends it
            }
            $request = $this->send($request);
        }
        $request = $this->look($request);
        if ($request->isOpen() && $request->action === Contract::ACTIVATE) {
            WhmcsService::keepPending($request);
        }
        return $request;
    }

    /**
     * Have Prefect start the request's run, or find it: the key is the request's own, and so must the run be.
     *
     * @throws PrefectError it could not; the request stays open and is sent again
     */
    public function send(Request $request): Request
    {
        if (!Requests::sending($request)) {
            return Requests::get($request->id);
        }
        try {
            $run = $this->prefect->start(self::wanted($request), $request->key());
            for ($keys = 1; !$run->isOf(self::wanted($request)); $keys++) {
                if ($keys > self::NEW_KEYS) {
                    throw new PrefectError("Prefect answers with another run than was asked for ($run->id).", true);
                }
                $request = Requests::renew($request);
                $run = $this->prefect->start(self::wanted($request), $request->key());
            }
        } catch (PrefectError $error) {
            Requests::notSent($request, $error);
            throw $error;
        }
        if (Requests::started($request, $run->id)) {
            $line = ucfirst($request->action) . " of service $request->serviceId started: " . Run::link($run->id);
            Whmcs::activity($line, $request->clientId);
        }
        return Requests::get($request->id);
    }

    private static function wanted(Request $request): RunRequest
    {
        return RunRequest::command(
            $request->action,
            $request->parameters,
            $request->serviceId,
            $request->panel,
            $request->clientId
        );
    }

    /** Read the run, and the one it handed over to; close the request when they are over. */
    public function look(Request $request): Request
    {
        for ($hop = 0; $hop < self::HANDOVERS && $request->isOpen(); $hop++) {
            $run = $this->prefect->run((string) $request->flowRunId);
            $this->putOffUntil = $run === null ? null : $run->putOffUntil();
            if ($run === null) {
                Requests::close($request, Request::FAILED, 'Its run was deleted in Prefect. Press Retry.');
                break;
            }
            ServiceCache::learn($request->serviceId, $request->panel, $run, $request->whose());
            if ($this->putOffUntil !== null) {
                // Nothing is to be seen before then: the cron looks at others.
                Requests::rows()->where('id', $request->id)->update(['updated_at' => Time::at($this->putOffUntil)]);
            }
            if (!$run->isOver()) {
                break;
            }
            if ($run->isOvertaken()) {
                $this->overtaken($request, $run);
                break;
            }
            if (!$run->isDone()) {
                Requests::close($request, Request::FAILED, $run->reason());
                break;
            }
            if ($run->next() !== '' && $run->next() !== $run->id) {
                Requests::handOver($request, $run->next());
                $request = Requests::get($request->id);
            } elseif (!$this->goesOnElsewhere($request, $run)) {
                $this->done($request);
            } elseif (Time::age($request->createdAt) > self::UNNAMED_SECONDS) {
                Requests::close($request, Request::FAILED, 'Its run handed over, and to which is lost. Press Retry.');
            } else {
                break;
            }
        }
        return Requests::get($request->id);
    }

    /**
     * Whether an activation that does not wait for its OS has handed over without naming the run that goes on: labels
     * may be lost. Then the server is ready when the flow has written to WHMCS.
     */
    private function goesOnElsewhere(Request $request, Run $run): bool
    {
        $waits = $request->parameters['order']['wait_for_os'] ?? true;
        if ($request->action !== Contract::ACTIVATE || $waits !== false) {
            return false;
        }
        $isReady = $run->label(Contract::LABEL_STEP) === Contract::STEP_READY;
        if ($isReady || $run->label(Contract::LABEL_STATE) === Contract::STATE_ACTIVE) {
            return false;
        }
        $service = WhmcsService::find($request->serviceId);
        return $service !== null && $service->written() === $request->knownBefore;
    }

    /** Nothing failed, so nothing is queued: WHMCS wants something else by now, or will ask again. */
    private function overtaken(Request $request, Run $run): void
    {
        if (Requests::close($request, Request::CANCELLED, $run->reason())) {
            $line = ucfirst($request->action) . " of service $request->serviceId: " . $run->reason();
            Whmcs::activity($request->withLink($line), $request->clientId);
            Whmcs::resolve($request);
        }
    }

    private function done(Request $request): void
    {
        // The cache before the request: whoever sees the request closed finds the cache up to date.
        if ($request->action === Contract::ACTIVATE) {
            ServiceCache::ready($request->serviceId);
            ChosenServer::used($request);
        } elseif ($request->action === Contract::TERMINATE) {
            ServiceCache::released($request->serviceId);
        }
        Requests::close($request, Request::DONE, '');
    }
}
