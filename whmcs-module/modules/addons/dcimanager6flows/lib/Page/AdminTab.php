<?php

declare(strict_types=1);

namespace Dciflow\Page;

use Dciflow\Errand\Errand;
use Dciflow\Errand\Errands;
use Dciflow\Errand\Power;
use Dciflow\Errand\Reinstall;
use Dciflow\Errand\StaffForms;
use Dciflow\Prefect\Contract;
use Dciflow\Request\ErrorBoundary;
use Dciflow\Request\Options;
use Dciflow\Request\Order;
use Dciflow\Request\Request;
use Dciflow\Request\Requests;
use Dciflow\Store\Schema;
use Dciflow\Store\ServiceCache;
use Dciflow\Store\Time;
use Dciflow\Whmcs\ModuleParams;
use Dciflow\Whmcs\Verification;
use Dciflow\Whmcs\WhmcsService;

if (!defined('WHMCS')) {
    die('This file cannot be accessed directly');
}

/** The rows on the admin's page of a service. Every value is escaped here: WHMCS prints them as they are. */
final class AdminTab
{
    /**
     * @param array<string, mixed> $params
     * @return array<string, string>
     */
    public static function rows(array $params): array
    {
        $rows = [];
        $problem = ErrorBoundary::text(static function () use ($params, &$rows): string {
            Schema::ensure();
            $rows = self::read(new ModuleParams($params));
            return '';
        });
        return $problem === '' ? $rows : ['dciflow' => Text::html($problem)];
    }

    /** @return array<string, string> */
    private static function read(ModuleParams $moduleParams): array
    {
        $serviceId = $moduleParams->serviceId();
        $hosting = WhmcsService::find($serviceId);
        $service = $hosting === null ? null : ServiceCache::of($hosting);
        $last = $hosting === null ? null : Requests::lastOf($hosting);
        $rows = ['State' => self::state($service, $last)];
        if ($service === null && ServiceCache::find($serviceId) !== null) {
            $rows['Another service'] = 'This number was another service\'s: client, order or registration date differ. '
                . 'Nothing of it is shown or touched. See Addons, DCImanager 6 flows, HELD services.';
        }
        if ($service !== null) {
            $server = trim(($service->server_id ?? '') . ' ' . ($service->serial === null ? '' : "($service->serial)"));
            $rows += [
                'Panel' => Text::html((string) $service->panel),
                'Server (serial)' => Text::html($server),
                'Owner in DCImanager' => Text::html((string) $service->owner),
                'Addresses' => Text::html((string) $service->addresses),
                'Operation system' => Text::html((string) $service->os),
                'Power' => Text::html(Power::words($service)),
                'Welcome mail' => Text::html(trim($service->mail . ' ' . $service->mail_at)),
            ];
        }
        $traffic = $service === null ? '' : TrafficGraph::svg($serviceId);
        if ($traffic !== '') {
            $month = TrafficGraph::month($serviceId);
            $rows['Traffic'] = $traffic . ($month === '' ? '' : '<p>' . Text::html($month) . '</p>');
        }
        if ($service !== null && $service->step === Contract::STEP_READY) {
            $rows += StaffForms::rows((string) $service->addresses);
        }
        $rows['Last run'] = self::run($last);
        $errands = $hosting === null ? [] : Errands::recent($hosting, 1);
        if ($errands !== []) {
            $rows['Last errand'] = self::errand($errands[0]);
        }
        if ($hosting !== null && !$moduleParams->isAddon()) {
            $rows[ServerChoice::LABEL] = ServerChoice::html($hosting);
            $isHere = $service !== null && ($service->step === Contract::STEP_READY || Reinstall::isUnfinished($hosting, $service));
            if ($isHere) {
                $rows[Reinstall::LABEL] = Reinstall::html($moduleParams, $hosting);
            }
        }
        $misspelt = Options::misspelt($moduleParams->options());
        if ($misspelt !== []) {
            $rows['Options without effect'] = Text::html(
                'These configurable options do nothing: ' . implode(', ', $misspelt) . '. The names are '
                . implode(', ', Options::OS) . ' and ' . implode(', ', Options::IP) . '.'
            );
        }
        if ($moduleParams->isOn(Order::VERIFIED_ONLY)) {
            $missing = $hosting !== null && Verification::isMissing($moduleParams, $hosting);
            $rows['E-mail address'] = $missing ? 'not verified: the client cannot manage this service' : 'verified';
        }
        return $rows;
    }

    private static function state(?\stdClass $service, ?Request $last): string
    {
        if ($service === null && $last === null) {
            return 'WHMCS knows no server of this service. If one was imported or linked, press Look at the power.';
        }
        $words = [];
        if ($service !== null) {
            $words[] = (string) ($service->state ?? '');
            $words[] = (string) ($service->step ?? '');
            $words[] = $service->held === null ? '' : "HELD: $service->held, see Addons, DCImanager 6 flows";
            $words[] = $service->orphaned_at === null ? '' : "deleted in WHMCS at $service->orphaned_at UTC";
        }
        $words = array_filter($words, static function (string $word): bool {
            return $word !== '';
        });
        return Text::html($words === [] ? 'nothing is known of its server yet' : implode(', ', $words));
    }

    private static function errand(Errand $errand): string
    {
        $age = Time::words(Time::age($errand->createdAt));
        $what = trim($errand->flow . ' ' . (is_string($errand->parameters['command'] ?? null) ? $errand->parameters['command'] : ''));
        $line = "$what: $errand->state, asked for $age ago by $errand->requestedBy";
        $html = Text::html($line) . ($errand->message === '' ? '' : '<br>' . Text::html($errand->message));
        return $html . Html::runLink($errand->flowRunId);
    }

    private static function run(?Request $request): string
    {
        if ($request === null) {
            return 'none';
        }
        $age = Time::words(Time::age($request->createdAt));
        $line = "$request->action: $request->state, asked for $age ago by {$request->askedBy()}";
        if ($request->closedAt !== null) {
            $line .= ', over since ' . Time::words(Time::age($request->closedAt));
        }
        $html = Text::html($line) . ($request->message === '' ? '' : '<br>' . Text::html($request->message));
        return $html . Html::runLink($request->flowRunId);
    }
}
