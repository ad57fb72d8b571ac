<?php

declare(strict_types=1);

namespace Dciflow\Page;

use Dciflow\Errand\Errands;
use Dciflow\Errand\Reinstall;
use Dciflow\Prefect\Contract;
use Dciflow\Request\ErrorBoundary;
use Dciflow\Request\Request;
use Dciflow\Request\Requests;
use Dciflow\Store\Schema;
use Dciflow\Store\ServiceCache;
use Dciflow\Whmcs\ModuleParams;
use Dciflow\Whmcs\Verification;
use Dciflow\Whmcs\WhmcsService;

if (!defined('WHMCS')) {
    die('This file cannot be accessed directly');
}

/** What a client sees of their service. It comes from our tables: no page waits for Prefect. */
final class ClientPage
{
    private const STEPS = [
        Contract::STEP_RESERVED => 'Reserved',
        Contract::STEP_INSTALLING => 'Installing',
        Contract::STEP_READY => 'Ready',
    ];

    /**
     * @param array<string, mixed> $params
     * @return array<string, mixed>
     */
    public static function page(array $params): array
    {
        $page = self::variables('', [], [], 0);
        ErrorBoundary::quietly(static function () use ($params, &$page): void {
            Schema::ensure();
            $page = self::read(new ModuleParams($params));
        });
        return ['tabOverviewModuleOutputTemplate' => 'templates/clientarea.tpl', 'templateVariables' => $page];
    }

    /** @return array<string, mixed> */
    private static function read(ModuleParams $moduleParams): array
    {
        $service = WhmcsService::find($moduleParams->serviceId());
        if ($service === null || $moduleParams->isAddon()) {
            return self::variables('', [], [], 0);
        }
        if (Verification::isMissing($moduleParams, $service)) {
            $why = 'Your e-mail address is not verified, so you cannot manage this service here. ';
            return self::variables($why . Verification::HOW, [], [], 0);
        }
        $known = ServiceCache::of($service);
        $last = Requests::lastOf($service, Contract::ACTIVATE);
        if ($service->isOver() || $last === null && $known === null) {
            return self::variables('', [], [], 0);
        }
        $step = $known === null ? '' : (string) $known->step;
        $facts = [];
        if ($known !== null && $step === Contract::STEP_READY) {
            $facts = ['IP addresses' => (string) $known->addresses, 'Operating system' => (string) $known->os];
        }
        $open = Requests::open($service->id);
        if ($open !== null && !$service->hasIdentity($open->whose())) {
            $open = null;
        }
        $notice = '';
        if ($step !== Contract::STEP_READY && $last !== null && $last->state === Request::FAILED) {
            $notice = 'Your server is being prepared by our staff.';
        }
        $notice = Reinstall::notice($service, $known) ?: $notice;
        $isShown = $service->status === WhmcsService::PENDING || $step === Contract::STEP_READY
            || Reinstall::isUnfinished($service, $known);
        $steps = $isShown ? self::steps($step) : [];
        $isBusy = $open !== null || Errands::open($service->id) !== null;
        $isReady = $step === Contract::STEP_READY;
        return ClientErrands::variables($moduleParams, $service, $known, $isReady)
            + ['dciTraffic' => $known === null ? '' : TrafficGraph::svg($service->id)]
            + self::variables($notice, $steps, array_filter($facts), $isBusy ? $service->id : 0);
    }

    /** @return list<array{name: string, state: string}> */
    private static function steps(string $current): array
    {
        $names = array_keys(self::STEPS);
        $reached = array_search($current, $names, true);
        $steps = [];
        foreach ($names as $number => $name) {
            $isDone = $reached !== false && ($number < $reached || $current === Contract::STEP_READY);
            $state = $isDone ? 'done' : ($number === $reached ? 'now' : 'later');
            $steps[] = ['name' => self::STEPS[$name], 'state' => $state];
        }
        return $steps;
    }

    /**
     * @param list<array{name: string, state: string}> $steps
     * @param array<string, string> $facts
     * @return array<string, mixed>
     */
    private static function variables(string $notice, array $steps, array $facts, int $refresh): array
    {
        return [
            'dciNotice' => $notice,
            'dciSteps' => $steps,
            'dciFacts' => $facts,
            // The service whose page may be refreshed; 0 while nothing runs.
            'dciRefresh' => $refresh,
            // HTML; '' where nothing is known.
            'dciTraffic' => '',
        ] + ClientErrands::variables(null, null, null, false);
    }
}
