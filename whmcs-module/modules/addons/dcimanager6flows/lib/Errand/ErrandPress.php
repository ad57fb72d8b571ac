<?php

declare(strict_types=1);

namespace Dciflow\Errand;

use Dciflow\Prefect\Contract;
use Dciflow\Prefect\Prefect;
use Dciflow\Prefect\PrefectError;
use Dciflow\Prefect\RunRequest;
use Dciflow\Request\Command;
use Dciflow\Request\Deadline;
use Dciflow\Request\ErrorBoundary;
use Dciflow\Request\Refusal;
use Dciflow\Request\Requests;
use Dciflow\Store\InstallationCheck;
use Dciflow\Store\Panels;
use Dciflow\Store\Schema;
use Dciflow\Store\ServiceCache;
use Dciflow\Whmcs\ModuleLog;
use Dciflow\Whmcs\ModuleParams;
use Dciflow\Whmcs\Verification;
use Dciflow\Whmcs\Whmcs;
use Dciflow\Whmcs\WhmcsService;

if (!defined('WHMCS')) {
    die('This file cannot be accessed directly');
}

/** A button of a service's page: it opens the errand, starts its run, and answers within two seconds. */
final class ErrandPress
{
    private const SECONDS = 2.0;

    /** What clients read of an error: a sentence for them, without addresses or names of the host's systems. */
    private const FOR_CLIENTS = 'It cannot be done just now: try again in a minute.';

    /** The same where Prefect may have it. */
    private const STILL_OPEN = 'It was asked for and may still begin within a quarter of an hour: look at this page again.';

    /**
     * Ask for an errand; 'success' or one line of why not. Never throws.
     *
     * @param array<string, mixed> $params as WHMCS passes them
     * @param array<string, mixed> $own the errand's own parameters
     */
    public static function run(string $flow, array $params, array $own): string
    {
        $moduleParams = new ModuleParams($params);
        $errand = null;
        $answer = ErrorBoundary::text(static function () use ($flow, $moduleParams, $own, &$errand): string {
            try {
                Schema::ensure();
                $errand = self::ask($flow, $moduleParams, $own);
            } catch (Refusal | PrefectError $error) {
                throw $error;
            } catch (\Throwable $error) {
                throw self::toldTo(ModuleParams::requester(), $flow, $moduleParams->serviceId(), $error, null);
            }
            return Command::SUCCESS;
        });
        ErrorBoundary::quietly(static function () use ($flow, $moduleParams, $own, $answer, &$errand): void {
            $key = $own['ssh_key'] ?? null; // public, and yet it says whose it is on other machines, too
            ModuleLog::write($flow, [
                'service_id' => $moduleParams->serviceId(),
                'errand' => $errand === null ? null : $errand->id,
                'parameters' => $errand === null ? null : $errand->parameters,
                'flow_run' => $errand === null ? null : $errand->withLink(''),
            ], $answer, array_merge($moduleParams->secrets(), is_string($key) ? [$key] : []));
        });
        return $answer;
    }

    /**
     * Open the errand, or find the same one that is open, and have Prefect start its run.
     *
     * @param array<string, mixed> $own
     * @param bool $byLink as of `check`
     * @throws Refusal|PrefectError it is not asked for
     */
    public static function ask(string $flow, ModuleParams $moduleParams, array $own, bool $byLink = false): Errand
    {
        $who = self::requester($flow, $moduleParams, $byLink);
        return self::askAs($who, $flow, $moduleParams, $own, new Deadline(self::SECONDS));
    }

    /**
     * Ask in the name of somebody who need not press a button, as WHMCS itself after a payment.
     *
     * @param array<string, mixed> $own
     * @throws Refusal|PrefectError it is not asked for
     */
    public static function askAs(
        string $who,
        string $flow,
        ModuleParams $moduleParams,
        array $own,
        Deadline $deadline
    ): Errand {
        $service = self::service($flow, $moduleParams, $who);
        if (Errands::open($service->id) === null) {
            DrawnForm::check($flow, $who, $own, $service->id);
        }
        $open = null;
        try {
            $prefect = new Prefect($deadline); // before the row: where it refuses, nothing was asked for
            $open = self::open($flow, $moduleParams, $service, $who, $own);
            if ($open !== null) {
                return $open->flowRunId === null ? self::sent($open, $prefect) : $open;
            }
        } catch (\Throwable $error) {
            throw self::toldTo($who, $flow, $service->id, $error, $open);
        }
        throw new Refusal('Something else is under way for this server: wait until it has ended.');
    }

    /** @throws PrefectError Prefect does not have it, or that is not known */
    private static function sent(Errand $open, Prefect $prefect): Errand
    {
        try {
            $sent = (new ErrandSync($prefect))->send($open);
        } catch (PrefectError $error) {
            $sent = Errands::get($open->id);
            if ($sent->flowRunId === null) {
                throw $error;
            }
        }
        if ($sent->flowRunId === null) {
            throw new PrefectError($sent->message, false); // another press has sent it meanwhile, and Prefect refused it
        }
        return $sent;
    }

    /**
     * What whoever asked may read of an error. Clients read nothing of the host's own systems; staff find it in the
     * activity log.
     */
    private static function toldTo(
        string $who,
        string $flow,
        int $serviceId,
        \Throwable $error,
        ?Errand $opened
    ): \Throwable {
        $isOpen = $opened !== null && self::isStillOpen($opened);
        if ($who !== Contract::BY_CLIENT) {
            $isKept = $isOpen && $who === Contract::BY_ADMIN && $error instanceof PrefectError;
            return $isKept ? new Refusal($error->getMessage() . ' ' . self::STILL_OPEN) : $error;
        }
        ErrorBoundary::quietly(static function () use ($flow, $serviceId, $error): void {
            Whmcs::activity("a client asked for $flow of service $serviceId: " . ErrorBoundary::line($error));
        });
        return new Refusal($isOpen ? self::STILL_OPEN : self::FOR_CLIENTS);
    }

    private static function isStillOpen(Errand $errand): bool
    {
        $isOpen = false;
        ErrorBoundary::quietly(static function () use ($errand, &$isOpen): void {
            $isOpen = Errands::get($errand->id)->isOpen();
        });
        return $isOpen;
    }

    /**
     * Who asks, and for which service.
     *
     * @param bool $byLink WHMCS's own link asks (single sign-on): it changes nothing, so it has no form and no token
     * @return array{string, WhmcsService}
     * @throws Refusal they may not
     */
    public static function check(string $flow, ModuleParams $moduleParams, bool $byLink = false): array
    {
        $who = self::requester($flow, $moduleParams, $byLink);
        return [$who, self::service($flow, $moduleParams, $who)];
    }

    /** Who asks; only staff in the admin area and the client in their own area press buttons. */
    private static function requester(string $flow, ModuleParams $moduleParams, bool $byLink): string
    {
        if (ModuleParams::isStaff()) {
            return Contract::BY_ADMIN;
        }
        if (ModuleParams::requester() !== Contract::BY_CLIENT || ModuleParams::isApi()) {
            throw new Refusal('This is for staff who are logged in to WHMCS\'s admin area, and for the service\'s client.');
        }
        if (!$byLink && ($_SERVER['REQUEST_METHOD'] ?? '') !== 'POST') {
            throw new Refusal('Press the button on the page of your service.');
        }
        if (!$byLink && function_exists('check_token')) {
            check_token('WHMCS.default');
        }
        if (!ClientSwitch::isOn($flow, $moduleParams)) {
            throw new Refusal('This is not offered for this service. Ask our staff.');
        }
        return Contract::BY_CLIENT;
    }

    private static function service(string $flow, ModuleParams $moduleParams, string $who): WhmcsService
    {
        if (!InstallationCheck::isOriginal()) {
            throw new Refusal('This WHMCS is a copy of another one. Nothing was asked for.');
        }
        $service = WhmcsService::find($moduleParams->serviceId());
        if ($service === null || $moduleParams->isAddon() || !$service->isOurs()) {
            throw new Refusal('This is not a service of a server. Nothing was asked for.');
        }
        self::checkService($flow, $service, $moduleParams, $who);
        return $service;
    }

    private static function checkService(
        string $flow,
        WhmcsService $service,
        ModuleParams $moduleParams,
        string $who
    ): void {
        $isClient = $who === Contract::BY_CLIENT;
        if ($isClient) {
            Verification::check($moduleParams, $service);
        }
        $usable = $isClient ? [WhmcsService::ACTIVE, WhmcsService::COMPLETED] : WhmcsService::IN_USE;
        if (!in_array($service->status, $usable, true)) {
            throw new Refusal("The service is $service->status: that cannot be done for it now.");
        }
        $known = ServiceCache::of($service);
        if ($who === Contract::BY_ADMIN && Requests::lastOf($service, Contract::ACTIVATE) === null) {
            return; // it was not activated here, as one that was adopted: the run knows whether it has a server
        }
        $isAgain = $flow === Contract::REINSTALL && Reinstall::isUnfinished($service, $known);
        if ($known === null || !$isAgain && !ServiceCache::isReady($service->id)) {
            throw new Refusal('The service has no server that is ready. Nothing was asked for.');
        }
    }

    /** The open errand; null when it is another one. @param array<string, mixed> $own */
    private static function open(
        string $flow,
        ModuleParams $moduleParams,
        WhmcsService $service,
        string $who,
        array $own
    ): ?Errand {
        $open = Errands::open($service->id);
        if ($open === null) {
            $panel = Panels::name($moduleParams->int('serverid'));
            $name = $who === Contract::BY_ADMIN ? ModuleParams::staffName() : null;
            $parameters = RunRequest::errand($service->id, $panel, $who, $service->identity(), $own, $name);
            $open = Errands::insert($service, $flow, $panel, $who, $parameters);
        }
        $open = $open ?? Errands::open($service->id);
        $isIt = $open !== null && $open->isSame($flow, $own) && $service->hasIdentity($open->whose());
        return $isIt ? $open : null;
    }
}
