<?php

declare(strict_types=1);

namespace Dciflow\Whmcs;

use Dciflow\Prefect\Contract;
use Dciflow\Request\Deadline;
use Dciflow\Request\Requests;
use Dciflow\Store\Panels;
use Dciflow\Store\Schema;
use Dciflow\Store\ServiceCache;

if (!defined('WHMCS')) {
    die('This file cannot be accessed directly');
}

/** What runs at WHMCS's events. hooks.php registers it and catches what it throws. */
final class Hooks
{
    private const PAGE_SECONDS = 1.0; // a client waits for this page: time for their own order, and not for all others

    /** For a WHMCS that writes Active before this hook; Command::end is for one that writes it after. */
    public static function afterModuleCreate(array $vars): void
    {
        $moduleParams = self::ours($vars);
        if ($moduleParams === null) {
            return;
        }
        Schema::ensure();
        $last = Requests::last($moduleParams->serviceId(), Contract::ACTIVATE);
        if ($last !== null) {
            WhmcsService::keepPendingUnlessDone($last->id);
        }
    }

    /** @return array<string, bool> */
    public static function emailPreSend(array $vars): array
    {
        Schema::ensure();
        $mayGo = WelcomeMail::mayGo((string) ($vars['messagename'] ?? ''), (int) ($vars['relid'] ?? 0));
        return $mayGo ? [] : ['abortsend' => true];
    }

    public static function afterCronJob(): void
    {
        Cron::run();
    }

    public static function userEmailVerificationComplete(): void
    {
        Schema::ensure();
        Verification::startWaiting(new Deadline(self::PAGE_SECONDS));
    }

    /** Deleting a service calls no module function: its server stays the client's until somebody terminates it. */
    public static function serviceDelete(array $vars): void
    {
        Schema::ensure();
        $serviceId = (int) ($vars['serviceid'] ?? 0);
        $known = ServiceCache::find($serviceId);
        if ($known !== null && $known->step !== ServiceCache::RELEASED) {
            ServiceCache::orphan($serviceId);
            Whmcs::activity(
                "service $serviceId was deleted in WHMCS, but its server $known->server_id on panel $known->panel "
                . 'is not released: run terminate for it in Prefect, or look after it by hand'
            );
        }
    }

    /** Where a client is sent who looks at an upgrade that cannot be delivered; '' where the page may be shown. */
    public static function clientAreaPageUpgrade(array $vars): string
    {
        return Upgrade::elsewhere($vars);
    }

    /** WHMCS has an upgrade that was paid: whichever it does first, this or ChangePackage, it is asked for once. */
    public static function afterUpgrade(array $vars): void
    {
        Schema::ensure();
        Upgrade::paid((int) ($vars['upgradeid'] ?? 0));
    }

    public static function serverSaved(array $vars): void
    {
        Schema::ensure();
        Panels::storeSaved((int) ($vars['serverid'] ?? 0));
    }

    private static function ours(array $vars): ?ModuleParams
    {
        $params = $vars['params'] ?? null;
        $moduleParams = is_array($params) ? new ModuleParams($params) : null;
        $isOurs = $moduleParams !== null && $moduleParams->text('moduletype') === ServiceCache::MODULE
            && !$moduleParams->isAddon();
        return $isOurs ? $moduleParams : null;
    }
}
