<?php

declare(strict_types=1);

namespace Dciflow;

if (!defined('WHMCS')) {
    die('This file cannot be accessed directly');
}

/** One of WHMCS's four commands: an open request per service, its run, and what is said of it within ten seconds. */
final class Command
{
    public const SUCCESS = 'success';

    // WHMCS waits in a web request, a gateway's webhook or its cron (dossier "WHMCS", section 7).
    private const SECONDS = 10.0;
    private const WAIT_SECONDS = 8.0;

    // Within this time a repeat is a double click; later it is a wish to look again.
    private const SAME_WISH_SECONDS = 60;

    private const ALLOWED = [
        'suspend' => ['Active', 'Suspended', 'Completed'],
        'unsuspend' => ['Suspended', 'Active', 'Completed'],
    ];

    private string $action;
    private Call $call;
    private Deadline $deadline;
    private Deadline $patience;
    private ?Request $request = null;

    private function __construct(string $action, Call $call)
    {
        $this->action = $action;
        $this->call = $call;
        $this->deadline = new Deadline(self::SECONDS);
        $this->patience = new Deadline(self::WAIT_SECONDS);
    }

    /**
     * Run a command and return 'success' or one line of why not. Never throws.
     *
     * @param array<string, mixed> $params as WHMCS passes them
     */
    public static function run(string $action, array $params): string
    {
        $call = new Call($params);
        $command = new self($action, $call);
        $answer = Guard::text(static function () use ($command): string {
            return $command->answer();
        });
        Guard::quietly(static function () use ($command, $call, $answer): void {
            $command->end($answer);
            $request = $command->request;
            ModuleLog::write(Whmcs::FUNCTIONS[$command->action], [
                'service_id' => $call->serviceId(),
                'panel' => $request === null ? null : $request->panel,
                'request' => $request === null ? null : $request->id,
                'parameters' => $request === null ? null : $request->parameters,
                'flow_run' => $request === null ? null : $request->link(),
            ], $answer, $call->secrets());
        });
        return $answer;
    }

    private function answer(): string
    {
        Schema::ensure();
        if ($this->call->isAddon()) {
            throw new Refusal('DCImanager 6 serves products, not product addons: move the module to a product.');
        }
        $service = Hosting::find($this->call->serviceId());
        if ($service === null) {
            throw new Refusal('WHMCS passed no service that it knows. Nothing was started.');
        }
        if ($this->action === 'activate') {
            WelcomeMail::created($service->id);
        }
        $prefect = new Prefect($this->deadline);
        $sync = new Sync($prefect);
        $open = Requests::open($service->id);
        if ($open !== null && $open->action !== $this->action) {
            $this->makeWay($open, $sync);
            $open = null;
        }
        if ($open === null) {
            $earlier = $this->earlier($service);
            if ($earlier !== null) {
                $this->request = $earlier;
                return self::SUCCESS;
            }
            $this->checkStatus($service);
            $open = $this->open($service);
        } else {
            $this->request = $open;
            $open = $this->adopt($open, $service);
        }
        $this->request = $open;
        if ($open->flowRunId === null) {
            $this->request = $this->send($open, $prefect, $sync);
        }
        return $this->follow($sync);
    }

    /** Finish the other action's request if it is over, or give it up if Prefect never had it; else refuse. */
    private function makeWay(Request $open, Sync $sync): void
    {
        if (Requests::overtake($open, $this->action)) {
            return;
        }
        $now = $sync->request($open);
        if ($now->isOpen() && $now->flowRunId === null) {
            throw new Refusal(
                "Service $now->serviceId is busy with $now->action since $now->createdAt UTC, and whether Prefect has it "
                . "is unknown: look there for $now->action-service-$now->serviceId. If there is none, press Unlink "
                . 'twice to give it up, then Retry.'
            );
        }
        if ($now->isOpen()) {
            throw new Refusal($now->withLink(
                "Service $now->serviceId is busy with $now->action since $now->createdAt UTC: "
                . 'wait for it or cancel its run, then press Retry.'
            ));
        }
        Outcome::tell($now);
    }

    /** A request for the same wish that is done already. */
    private function earlier(Hosting $service): ?Request
    {
        $last = Requests::last($service->id);
        if ($last === null || $last->action !== $this->action || $last->state !== Request::DONE) {
            return null;
        }
        // Pending again is a new wish: its server may have gone back by a way that WHMCS was not asked for.
        $isThere = ($this->action === 'activate' && $service->status === Hosting::ACTIVE)
            || ($this->action === 'terminate' && $service->status === 'Terminated');
        $isSame = $last->told !== Request::TOLD_ALL || Time::age($last->closedAt) <= self::SAME_WISH_SECONDS;
        return $isThere || $isSame ? $last : null;
    }

    private function checkStatus(Hosting $service): void
    {
        $status = $service->status;
        if ($this->action === 'activate') {
            $last = Requests::last($service->id);
            $isOurs = $status === Hosting::ACTIVE && $last !== null && $last->action === 'activate';
            if ($status !== Hosting::PENDING && !$isOurs) {
                throw new Refusal(
                    "Service $service->id is $status: only a Pending one is activated. "
                    . 'Set it to Pending to give it a server.'
                );
            }
        } elseif ($this->action !== 'terminate' && !in_array($status, self::ALLOWED[$this->action], true)) {
            throw new Refusal("Service $service->id is $status: $this->action does nothing for it.");
        }
    }

    private function open(Hosting $service): Request
    {
        if ($this->action === 'activate') {
            Verification::checkActivation($this->call, $service);
        }
        $panel = $this->panel();
        $request = Requests::insert($service, $this->action, $panel, $this->parameters($service, $panel));
        if ($request === null) {
            // Another call was first; it may even be over by now.
            $first = Requests::open($service->id) ?? $this->earlier($service);
            if ($first === null || $first->action !== $this->action) {
                throw new Refusal("Service $service->id is busy with another request: press Retry in a moment.");
            }
            $this->request = $first;
            return $first->isOpen() ? $this->adopt($first, $service) : $first;
        }
        $this->request = $request;
        Requests::stopWaiting($service->id, 'Started.');
        if ($this->action === 'activate') {
            Services::begin($service->id);
        }
        return $request;
    }

    /** Follow a request that is open already: a double click, the Module Queue's Retry, a webhook that fires twice. */
    private function adopt(Request $open, Hosting $service): Request
    {
        if ($open->flowRunId === null && !$open->maybeSent && !$open->isAsked()) {
            // Prefect never had it: it asks for what the service's page and the product say now.
            $panel = $this->panel();
            Requests::rewrite($open, $panel, $this->parameters($service, $panel));
        }
        Requests::asking($open);
        return Requests::get($open->id);
    }

    private function panel(): string
    {
        $serverId = $this->call->int('serverid');
        if ($serverId <= 0) {
            throw new Refusal('The service has no server: choose the DCImanager 6 server on its page.');
        }
        return Panels::name($serverId);
    }

    /** @return array<string, mixed> */
    private function parameters(Hosting $service, string $panel): array
    {
        $parameters = ['service_id' => $service->id, 'panel' => $panel, 'requested_by' => Call::requester()];
        if ($this->action === 'activate') {
            $parameters['order'] = Order::of($this->call, $service->clientId);
        }
        return $parameters;
    }

    private function send(Request $request, Prefect $prefect, Sync $sync): Request
    {
        try {
            Panels::ensure($this->call, $prefect);
            return $sync->send($request);
        } catch (PrefectError $error) {
            Requests::note($request, $error->getMessage());
            $now = Requests::get($request->id);
            if ($now->state !== Request::REQUESTED) {
                return $now; // the same wish of another call got through meanwhile
            }
            $who = Sync::isSentByOthers($request) ? 'the cron sends it again, and so does Retry' : 'Retry sends it again';
            throw new Refusal($error->getMessage() . " The request is kept: $who.");
        }
    }

    private function follow(Sync $sync): string
    {
        $request = $this->request;
        $run = $request->flowRunId;
        for ($pause = 0.15; $request->isOpen() && !$this->patience->isOver(); $pause = min(1.0, $pause * 1.5)) {
            try {
                $request = $sync->look($request);
            } catch (PrefectError $error) {
                break; // it runs, and whoever looks later sees its end
            }
            if ($request->isOpen() && $request->flowRunId !== $run) {
                break; // the order does not wait for its OS: its own run has ended, and another one watches
            }
            if ($request->isOpen()) {
                $this->patience->sleep($pause);
            }
        }
        return $this->said($request);
    }

    private function said(Request $request): string
    {
        if ($request->isOpen()) {
            $told = Settings::strict() ? Request::TOLD_NOTHING : Request::TOLD_EARLY;
            Requests::told($request, $told);
            $request = Requests::get($request->id); // it may have ended while we said so
        }
        $this->request = $request;
        if ($request->state === Request::FAILED || $request->state === Request::CANCELLED) {
            return $request->withLink($request->message);
        }
        if ($request->isOpen() && Settings::strict()) {
            return $request->withLink(ucfirst($this->action) . ' has started; WHMCS is told when it is done.');
        }
        return self::SUCCESS;
    }

    /** Leave the row, and the service's status, as the answer says. */
    private function end(string $answer): void
    {
        $request = $this->request;
        if ($request === null) {
            return;
        }
        $request = Requests::get($request->id);
        if (!$request->isOpen()) {
            if ($request->state === Request::FAILED) {
                Requests::claimNotification($request); // WHMCS shows the answer, and queues it
            }
            Requests::told($request, Request::TOLD_ALL);
        } elseif ($answer !== self::SUCCESS && $request->isAsked()) {
            Requests::told($request, Request::TOLD_NOTHING);
        }
        if ($this->action === 'activate' && $answer === self::SUCCESS && $request->isOpen()) {
            // WHMCS writes Active after this answer; whether before or after AfterModuleCreate is not documented.
            $id = $request->id;
            register_shutdown_function(static function () use ($id): void {
                Guard::quietly(static function () use ($id): void {
                    Hosting::keepPendingUnlessDone($id);
                });
            });
        }
        $this->request = $request;
    }
}
