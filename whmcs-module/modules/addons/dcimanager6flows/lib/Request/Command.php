<?php

declare(strict_types=1);

namespace Dciflow\Request;

use Dciflow\Prefect\Contract;
use Dciflow\Prefect\Prefect;
use Dciflow\Prefect\PrefectError;
use Dciflow\Prefect\RunRequest;
use Dciflow\Store\ChosenServer;
use Dciflow\Store\Panels;
use Dciflow\Store\Schema;
use Dciflow\Store\ServiceCache;
use Dciflow\Store\Settings;
use Dciflow\Store\Time;
use Dciflow\Whmcs\ModuleLog;
use Dciflow\Whmcs\ModuleParams;
use Dciflow\Whmcs\Verification;
use Dciflow\Whmcs\WelcomeMail;
use Dciflow\Whmcs\Whmcs;
use Dciflow\Whmcs\WhmcsService;

if (!defined('WHMCS')) {
    die('This file cannot be accessed directly');
}

/** One of WHMCS's four commands: it opens the service's request, starts its run, and answers within ten seconds. */
final class Command
{
    public const SUCCESS = 'success';

    // WHMCS waits for the answer in a web request, a payment gateway's webhook or its cron.
    private const SECONDS = 10.0;
    public const WAIT_SECONDS = 8.0;

    // A repeat within this time is a double click; a later one is a new request.
    private const DOUBLE_CLICK_SECONDS = 60;

    private const ALLOWED = [
        Contract::SUSPEND => WhmcsService::IN_USE,
        Contract::UNSUSPEND => WhmcsService::IN_USE,
    ];

    private string $action;
    private ModuleParams $moduleParams;
    private Deadline $deadline;
    private Deadline $waitDeadline;
    private ?Request $request = null;

    private function __construct(string $action, ModuleParams $moduleParams)
    {
        $this->action = $action;
        $this->moduleParams = $moduleParams;
        $this->deadline = new Deadline(self::SECONDS);
        $this->waitDeadline = new Deadline(self::WAIT_SECONDS);
    }

    /**
     * Run a command and return 'success' or one line of why not. Never throws.
     *
     * @param array<string, mixed> $params as WHMCS passes them
     */
    public static function run(string $action, array $params): string
    {
        $moduleParams = new ModuleParams($params);
        $command = new self($action, $moduleParams);
        $answer = ErrorBoundary::text(static function () use ($command): string {
            return $command->answer();
        });
        ErrorBoundary::quietly(static function () use ($command, $moduleParams, $answer): void {
            $command->end($answer);
            $request = $command->request;
            ModuleLog::write(Whmcs::FUNCTIONS[$command->action], [
                'service_id' => $moduleParams->serviceId(),
                'panel' => $request === null ? null : $request->panel,
                'request' => $request === null ? null : $request->id,
                'parameters' => $request === null ? null : $request->parameters,
                'flow_run' => $request === null ? null : $request->link(),
            ], $answer, $moduleParams->secrets());
        });
        return $answer;
    }

    private function answer(): string
    {
        $called = ModuleParams::customCall();
        if ($called !== null && $called !== Contract::CUSTOM_SYNC) {
            throw new Refusal('ModuleCustom runs no command: the API has calls of its own for that. Nothing was started.');
        }
        Schema::ensure();
        if ($this->moduleParams->isAddon()) {
            throw new Refusal('DCImanager 6 serves products, not product addons: move the module to a product.');
        }
        $service = WhmcsService::find($this->moduleParams->serviceId());
        if ($service === null) {
            throw new Refusal('WHMCS passed no service that it knows. Nothing was started.');
        }
        if ($this->action === Contract::ACTIVATE) {
            WelcomeMail::created($service->id);
        }
        $prefect = new Prefect($this->deadline);
        $sync = new Sync($prefect);
        $open = Requests::open($service->id);
        $isOther = $open !== null && $open->action !== $this->action;
        if ($isOther || ($open !== null && OtherRequest::isHurried($open, $this->action, $sync))) {
            OtherRequest::close($open, $this->action, $sync);
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
            $open = $this->joinOpen($open, $service);
        }
        $this->request = $open;
        if ($open->flowRunId === null) {
            $this->request = $this->send($open, $prefect, $sync);
        }
        return $this->follow($sync);
    }

    /** A request for the same action that is done already. */
    private function earlier(WhmcsService $service): ?Request
    {
        $last = Requests::lastOf($service);
        if ($last === null || $last->action !== $this->action || $last->state !== Request::DONE) {
            return null;
        }
        // A service that is Pending again wants a new server: its old one may have been released without WHMCS.
        $isUsed = in_array($service->status, [WhmcsService::ACTIVE, WhmcsService::COMPLETED], true);
        $isThere = ($this->action === Contract::ACTIVATE && $isUsed)
            || ($this->action === Contract::TERMINATE && $service->status === WhmcsService::TERMINATED);
        $isSame = $last->told !== Request::TOLD_ALL || Time::age($last->closedAt) <= self::DOUBLE_CLICK_SECONDS;
        return $isThere || $isSame ? $last : null;
    }

    private function checkStatus(WhmcsService $service): void
    {
        $status = $service->status;
        if ($this->action === Contract::ACTIVATE) {
            $last = Requests::lastOf($service);
            $isUsed = in_array($status, [WhmcsService::ACTIVE, WhmcsService::COMPLETED], true);
            $isOurs = $isUsed && $last !== null && $last->action === Contract::ACTIVATE;
            if ($status !== WhmcsService::PENDING && !$isOurs) {
                throw new Refusal(
                    "Service $service->id is $status: only a Pending one is activated. "
                    . 'Set it to Pending to give it a server.'
                );
            }
        } elseif ($this->action !== Contract::TERMINATE && !in_array($status, self::ALLOWED[$this->action], true)) {
            throw new Refusal("Service $service->id is $status: $this->action does nothing for it.");
        }
    }

    private function open(WhmcsService $service): Request
    {
        if ($this->action === Contract::ACTIVATE) {
            Verification::checkActivation($this->moduleParams, $service);
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
            return $first->isOpen() ? $this->joinOpen($first, $service) : $first;
        }
        $this->request = $request;
        WaitingRequests::stop($service->id, 'Started.');
        if ($this->action === Contract::ACTIVATE) {
            ServiceCache::begin($service);
        }
        return $request;
    }

    /** Follow a request that is open already: a double click, the Module Queue's Retry, a webhook that fires twice. */
    private function joinOpen(Request $open, WhmcsService $service): Request
    {
        if (!$service->hasIdentity($open->whose())) {
            throw new Refusal($open->withLink(
                "Number $service->id was another service's, whose $open->action is still open: wait for it or cancel "
                . 'its run, then press Retry.'
            ));
        }
        if ($open->flowRunId === null && !$open->maybeSent && !$open->isAsked()) {
            // Prefect never had it, so it may still follow the service's page and the product.
            $panel = $this->panel();
            Requests::rewrite($open, $panel, $this->parameters($service, $panel));
        }
        Requests::asking($open);
        return Requests::get($open->id);
    }

    private function panel(): string
    {
        $serverId = $this->moduleParams->int('serverid');
        if ($serverId <= 0) {
            throw new Refusal('The service has no server: choose the DCImanager 6 server on its page.');
        }
        return Panels::name($serverId);
    }

    /** @return array<string, mixed> */
    private function parameters(WhmcsService $service, string $panel): array
    {
        $order = $this->action !== Contract::ACTIVATE ? null
            : Order::of($this->moduleParams, $service->clientId, ChosenServer::of($service));
        $wish = in_array($this->action, Contract::TAKES_AWAY, true) ? $service->wish() : null;
        $by = ModuleParams::requester();
        $who = $by === Contract::BY_ADMIN ? ModuleParams::staffName() : null;
        return RunRequest::parameters($service->id, $panel, $by, $service->identity(), $order, $wish, $who);
    }

    private function send(Request $request, Prefect $prefect, Sync $sync): Request
    {
        try {
            Panels::ensure($this->moduleParams, $prefect);
            return $sync->send($request);
        } catch (PrefectError $error) {
            Requests::note($request, $error->getMessage());
            $now = Requests::get($request->id);
            if ($now->state !== Request::REQUESTED) {
                return $now; // another call has sent it meanwhile
            }
            $who = Sync::isSentByOthers($request) ? 'the cron sends it again, and so does Retry' : 'Retry sends it again';
            throw new Refusal($error->getMessage() . " The request is kept: $who.");
        }
    }

    private function follow(Sync $sync): string
    {
        $request = $this->request;
        $run = $request->flowRunId;
        for ($pause = 0.15; $request->isOpen() && !$this->waitDeadline->isOver(); $pause = min(1.0, $pause * 1.5)) {
            try {
                $request = $sync->look($request);
            } catch (PrefectError $error) {
                break; // the run goes on, and a later look sees its end
            }
            if ($request->isOpen() && ($request->flowRunId !== $run || $sync->isPutOff())) {
                break; // its own run has ended, and another one watches the OS, or comes when a grace is over
            }
            if ($request->isOpen()) {
                $this->waitDeadline->sleep($pause);
            }
        }
        return $this->report($request);
    }

    private function report(Request $request): string
    {
        if ($request->isOpen()) {
            $told = Settings::strict() ? Request::TOLD_NOTHING : Request::TOLD_EARLY;
            Requests::told($request, $told);
            $request = Requests::get($request->id); // it may have ended meanwhile
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

    /** Make the row and the service's status agree with the answer. */
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
        if ($this->action === Contract::ACTIVATE && $answer === self::SUCCESS && $request->isOpen()) {
            // WHMCS writes Active after this answer; whether before or after AfterModuleCreate is not documented.
            $id = $request->id;
            register_shutdown_function(static function () use ($id): void {
                ErrorBoundary::quietly(static function () use ($id): void {
                    WhmcsService::keepPendingUnlessDone($id);
                });
            });
        }
        $this->request = $request;
    }
}
