<?php

declare(strict_types=1);

namespace Dciflow;

if (!defined('WHMCS')) {
    die('This file cannot be accessed directly');
}

/** What WHMCS calls at its events; registered by hooks.php, which sees that nothing is thrown. */
final class Hooks
{
    private const PAGE_SECONDS = 1.0; // the page of a client who has just verified: his own order, and not all others

    /** WHMCS may have written Active just now, or does it next: see Command::end for the other order. */
    public static function afterModuleCreate(array $vars): void
    {
        $call = self::ours($vars);
        if ($call === null) {
            return;
        }
        Schema::ensure();
        $last = Requests::last($call->serviceId(), 'activate');
        if ($last !== null) {
            Hosting::keepPendingUnlessDone($last->id);
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
        $known = Services::find($serviceId);
        if ($known !== null && $known->step !== 'released') {
            Services::orphan($serviceId);
            Whmcs::activity(
                "service $serviceId was deleted in WHMCS, but its server $known->server_id on panel $known->panel "
                . 'is not released: run terminate for it in Prefect, or look after it by hand'
            );
        }
    }

    public static function serverSaved(array $vars): void
    {
        Schema::ensure();
        Panels::storeSaved((int) ($vars['serverid'] ?? 0));
    }

    private static function ours(array $vars): ?Call
    {
        $params = $vars['params'] ?? null;
        $call = is_array($params) ? new Call($params) : null;
        return $call !== null && $call->text('moduletype') === Services::MODULE && !$call->isAddon() ? $call : null;
    }
}
