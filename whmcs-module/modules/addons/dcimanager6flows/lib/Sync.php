<?php

declare(strict_types=1);

namespace Dciflow;

if (!defined('WHMCS')) {
    die('This file cannot be accessed directly');
}

/**
 * Bring an open request to where its run is. It trusts what Prefect says and nobody else, and may be called at any
 * time, twice, late or out of order.
 */
final class Sync
{
    private const UNNAMED_SECONDS = 7200; // for the installation that goes on in a run that nobody named
    private const HANDOVERS = 5; // runs that one request may go through in one look; there are two

    private Prefect $prefect;

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
            Outcome::tell($closed);
        }
        if ($open === null) {
            return 'No request is open.';
        }
        return $open->withLink(ucfirst($open->action) . " is $open->state.");
    }

    /**
     * Whether anybody but its own command may send what Prefect does not have. A deletion waits for that: its client may
     * have paid since, and a wipe that was asked for an hour ago is not asked for now.
     */
    public static function isSentByOthers(Request $request): bool
    {
        return $request->action !== 'terminate';
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
        if ($request->isOpen() && $request->action === 'activate') {
            Hosting::keepPending($request);
        }
        return $request;
    }

    /**
     * Have Prefect start the request's run, or find it: the key is the request's own.
     *
     * @throws PrefectError it could not; the request stays open and is sent again
     */
    public function send(Request $request): Request
    {
        if (!Requests::sending($request)) {
            return Requests::get($request->id);
        }
        try {
            $run = $this->prefect->start(
                $request->action,
                $request->parameters,
                "$request->action-service-$request->serviceId",
                ["service:$request->serviceId", "panel:$request->panel", "client:$request->clientId"],
                Settings::installation() . ':' . $request->id
            );
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

    /** Read the run, and the one it handed over to; close the request when they are over. */
    public function look(Request $request): Request
    {
        for ($hop = 0; $hop < self::HANDOVERS && $request->isOpen(); $hop++) {
            $run = $this->prefect->run((string) $request->flowRunId);
            if ($run === null) {
                Requests::close($request, Request::FAILED, 'Its run was deleted in Prefect. Press Retry.');
                break;
            }
            Services::learn($request->serviceId, $request->panel, $run);
            if (!$run->isOver()) {
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
        if ($request->action !== 'activate' || $waits !== false || $run->label('step') === Services::READY) {
            return false;
        }
        if ($run->label('state') === 'ACTIVE') {
            return false;
        }
        $service = Hosting::find($request->serviceId);
        return $service !== null && $service->written() === $request->knownBefore;
    }

    private function done(Request $request): void
    {
        // First what the pages and the mail look at, then the request: who sees it closed sees all of it.
        if ($request->action === 'activate') {
            Services::ready($request->serviceId);
        } elseif ($request->action === 'terminate') {
            Services::released($request->serviceId);
        }
        Requests::close($request, Request::DONE, '');
    }
}
