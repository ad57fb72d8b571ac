<?php

declare(strict_types=1);

namespace Dciflow\Errand;

use Dciflow\Prefect\Contract;
use Dciflow\Prefect\Prefect;
use Dciflow\Prefect\PrefectError;
use Dciflow\Request\Command;
use Dciflow\Request\Deadline;
use Dciflow\Request\ErrorBoundary;
use Dciflow\Request\Order;
use Dciflow\Request\Refusal;
use Dciflow\Request\Request;
use Dciflow\Store\Schema;
use Dciflow\Store\Time;
use Dciflow\Whmcs\ModuleLog;
use Dciflow\Whmcs\ModuleParams;
use Dciflow\Whmcs\Whmcs;
use Dciflow\Whmcs\WhmcsService;

if (!defined('WHMCS')) {
    die('This file cannot be accessed directly');
}

/**
 * WHMCS's ChangePackage: product or options of a service are others by now. The run compares them with what was delivered;
 * what it cannot deliver is a line for staff, in the Module Queue.
 */
final class ChangePackage
{
    // As of the four commands: WHMCS waits in a web request, a payment gateway's webhook or its cron.
    private const SECONDS = 10.0;
    private const WAIT_SECONDS = 8.0;

    // WHMCS may tell of one upgrade twice: by the command and by a hook.
    private const TWICE_SECONDS = 60;

    private static bool $waits = true;

    /** 'success' or one line of why not. Never throws. @param array<string, mixed> $params as WHMCS passes them */
    public static function run(array $params): string
    {
        $moduleParams = new ModuleParams($params);
        $errand = null;
        $answer = ErrorBoundary::text(static function () use ($moduleParams, &$errand): string {
            return self::answer($moduleParams, $errand);
        });
        ErrorBoundary::quietly(static function () use ($moduleParams, $answer, &$errand): void {
            ModuleLog::write(Whmcs::CHANGE, [
                'service_id' => $moduleParams->serviceId(),
                'errand' => $errand === null ? null : $errand->id,
                'parameters' => $errand === null ? null : $errand->parameters,
                'flow_run' => $errand === null ? null : $errand->withLink(''),
            ], $answer, $moduleParams->secrets());
        });
        return $answer;
    }

    /** Have WHMCS run it with the product and options of this moment, and do not wait for its end. */
    public static function again(int $serviceId): void
    {
        self::$waits = false;
        try {
            $problem = Whmcs::changePackage($serviceId);
        } finally {
            self::$waits = true;
        }
        if ($problem !== '') {
            Whmcs::queueChange($serviceId, $problem);
        }
    }

    /** Tell WHMCS of a change whose command had answered before it ended. */
    public static function ended(Errand $errand): void
    {
        if ($errand->flow !== Contract::CHANGE_ORDER || $errand->state === Request::DONE) {
            return;
        }
        $service = WhmcsService::find($errand->serviceId);
        $reason = $errand->withLink($errand->message);
        if ($service !== null && !$service->isOver()) {
            Whmcs::queueChange($errand->serviceId, $reason);
        }
        $title = Whmcs::CHANGE . " of service $errand->serviceId failed";
        Whmcs::activity("$title: $reason", $errand->clientId);
        Whmcs::notify($title, $errand->message, $errand->withLink(''));
    }

    private static function answer(ModuleParams $moduleParams, ?Errand &$errand): string
    {
        if (ModuleParams::customCall() !== null) {
            throw new Refusal('ModuleCustom runs no command: the API has calls of its own for that. Nothing was started.');
        }
        Schema::ensure();
        $service = WhmcsService::find($moduleParams->serviceId());
        if ($service === null || $moduleParams->isAddon()) {
            throw new Refusal('DCImanager 6 changes products, not product addons. Nothing was started.');
        }
        $own = ['order' => Order::of($moduleParams, $service->clientId)];
        $last = Errands::last($service, Contract::CHANGE_ORDER);
        $isTwice = $last !== null && !$last->isOpen() && $last->isSame(Contract::CHANGE_ORDER, $own)
            && Time::age($last->closedAt) <= self::TWICE_SECONDS;
        if ($last !== null && $isTwice && ($last->state === Request::DONE || !self::$waits)) {
            $errand = $last;
            return self::outcome($last);
        }
        $deadline = new Deadline(self::SECONDS);
        $wait = new Deadline(self::WAIT_SECONDS);
        $open = Errands::open($service->id);
        if ($open !== null && !$open->isSame(Contract::CHANGE_ORDER, $own)) {
            self::follow($open, false, $deadline, $wait); // what was paid is not refused for a reboot, nor for what was paid before it
        }
        $by = ModuleParams::requester();
        $who = $by === Contract::BY_CLIENT ? Contract::BY_API : $by; // the client has paid, and pressed nothing here
        $errand = ErrandPress::askAs($who, Contract::CHANGE_ORDER, $moduleParams, $own, $deadline);
        return self::$waits ? self::follow($errand, true, $deadline, $wait) : Command::SUCCESS;
    }

    private static function follow(Errand &$errand, bool $isAnswered, Deadline $deadline, Deadline $wait): string
    {
        $sync = new ErrandSync(new Prefect($deadline));
        for ($pause = 0.15; $errand->isOpen() && !$wait->isOver(); $pause = min(1.0, $pause * 1.5)) {
            try {
                $errand = $sync->look($errand, $isAnswered);
            } catch (PrefectError $error) {
                break; // the run goes on, and a later look sees its end
            }
            if ($errand->isOpen()) {
                $wait->sleep($pause);
            }
        }
        return self::outcome($errand);
    }

    private static function outcome(Errand $errand): string
    {
        return $errand->state === Request::FAILED ? $errand->withLink($errand->message) : Command::SUCCESS;
    }
}
