<?php

declare(strict_types=1);

namespace Dciflow\Page;

use Dciflow\Prefect\Prefect;
use Dciflow\Prefect\Run;
use Dciflow\Prefect\RunRequest;
use Dciflow\Request\Command;
use Dciflow\Request\Deadline;
use Dciflow\Request\ErrorBoundary;
use Dciflow\Request\Refusal;
use Dciflow\Request\Requests;
use Dciflow\Store\ChosenServer;
use Dciflow\Store\Panels;
use Dciflow\Store\Schema;
use Dciflow\Store\Settings;
use Dciflow\Store\Time;
use Dciflow\Whmcs\ModuleParams;
use Dciflow\Whmcs\Whmcs;
use Dciflow\Whmcs\WhmcsService;

if (!defined('WHMCS')) {
    die('This file cannot be accessed directly');
}

/** The field on the admin's page of a service in which staff choose its server, and the button that links that server. */
final class ServerChoice
{
    public const LABEL = 'Server for the next activation';
    public const FIELD = 'dcimanager6_server';
    private const SHOWN = 'dcimanager6_server_shown'; // what the page showed: a page of before does not undo a choice
    private const LINK_SECONDS = 900; // between the two presses: time to read the preview
    private const SECONDS = 10.0;

    public static function html(WhmcsService $service): string
    {
        $chosen = (string) (ChosenServer::of($service) ?? '');
        return Html::hidden(self::SHOWN, $chosen)
            . '<input type="text" inputmode="numeric" size="9" maxlength="9" class="form-control input-inline" name="'
            . self::FIELD . '" value="' . Text::html($chosen) . '"> Server id in DCImanager; empty: any that fits. '
            . 'The activation takes this one or says why not. Link server records it as this service\'s own.';
    }

    /**
     * WHMCS saves the service's page. It shows nothing that is said here, so a refusal goes to the activity log.
     *
     * @param array<string, mixed> $params
     */
    public static function save(array $params): void
    {
        ErrorBoundary::quietly(static function () use ($params): void {
            $moduleParams = new ModuleParams($params);
            $typed = self::sent(self::FIELD);
            if (!ModuleParams::isStaff() || $moduleParams->isAddon() || $typed === null || $typed === self::sent(self::SHOWN)) {
                return;
            }
            Schema::ensure();
            $service = WhmcsService::find($moduleParams->serviceId());
            if ($service === null) {
                return;
            }
            $who = ModuleParams::staffName();
            if ($typed === '') {
                ChosenServer::forget($service->id);
                Whmcs::activity("$who chose no server for service $service->id any more", $service->clientId);
            } elseif (preg_match('/\A[1-9]\d{0,8}\z/', $typed) === 1) {
                ChosenServer::keep($service, (int) $typed);
                Whmcs::activity("$who chose server $typed for service $service->id", $service->clientId);
            } else {
                throw new Refusal("\"$typed\" is no server id: nothing was chosen for service $service->id.");
            }
        });
    }

    /**
     * Record the chosen server as the service's own: the first press looks, the second one records.
     *
     * @param array<string, mixed> $params
     */
    public static function link(array $params): string
    {
        return ErrorBoundary::text(static function () use ($params): string {
            if (!ModuleParams::isStaff()) {
                throw new Refusal('Only staff may do this, who are logged in to WHMCS\'s admin area. Nothing was changed.');
            }
            Schema::ensure();
            $moduleParams = new ModuleParams($params);
            $service = WhmcsService::find($moduleParams->serviceId());
            if ($service === null || $moduleParams->isAddon()) {
                throw new Refusal('This is no service that has a server. Nothing was changed.');
            }
            $server = ChosenServer::of($service);
            if ($server === null) {
                throw new Refusal('Write the server\'s id into "' . self::LABEL . '", save, and press Link server again.');
            }
            if (!in_array($service->status, WhmcsService::IN_USE, true)) {
                throw new Refusal("Service $service->id is $service->status: only one in use has a server. Nothing was changed.");
            }
            if (Requests::open($service->id) !== null) {
                throw new Refusal("A request of service $service->id is open: wait for its end, then press Link server again.");
            }
            return self::start($moduleParams, $service, $server);
        });
    }

    private static function start(ModuleParams $moduleParams, WhmcsService $service, int $server): string
    {
        $record = $moduleParams->int('serverid');
        if ($record <= 0) {
            throw new Refusal('The service has no server record: choose the DCImanager 6 server on its page.');
        }
        $panel = Panels::name($record);
        $isSuspended = $service->status === WhmcsService::SUSPENDED;
        // What was looked at: another number, panel, client or status is looked at first.
        $what = "$server $panel $service->clientId $service->status";
        $mark = "link $service->id";
        [$at, $seen] = explode('|', Settings::kept($mark) ?? '|', 2) + ['', ''];
        $isSecond = $seen === $what && Time::age($at) <= self::LINK_SECONDS;
        $prefect = new Prefect(new Deadline(self::SECONDS));
        Panels::ensure($moduleParams, $prefect);
        $run = $prefect->start(
            RunRequest::adoption(
                $panel,
                [RunRequest::adoptee($service->id, $service->clientId, $server, $isSuspended)],
                $isSecond,
                ModuleParams::staffName()
            ),
            Settings::installation() . ":link:$service->id:" . bin2hex(random_bytes(8))
        );
        $link = Run::link($run->id);
        if (!$isSecond) {
            Settings::keep($mark, Time::now() . "|$what");
            throw new Refusal(
                "Nothing is recorded yet. Read whether server $server fits: $link Then press Link server again within "
                . self::LINK_SECONDS / 60 . ' minutes to record it.'
            );
        }
        Settings::forget($mark);
        ChosenServer::forget($service->id);
        Whmcs::activity("Server $server is being recorded as service $service->id's: $link", $service->clientId);
        return Command::SUCCESS;
    }

    private static function sent(string $field): ?string
    {
        $value = $_POST[$field] ?? null;
        return is_string($value) ? trim($value) : null;
    }
}
