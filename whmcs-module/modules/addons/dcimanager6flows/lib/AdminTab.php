<?php

declare(strict_types=1);

namespace Dciflow;

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
        $problem = Guard::text(static function () use ($params, &$rows): string {
            Schema::ensure();
            $rows = self::read(new Call($params));
            return '';
        });
        return $problem === '' ? $rows : ['dciflow' => Text::html($problem)];
    }

    /** @return array<string, string> */
    private static function read(Call $call): array
    {
        $serviceId = $call->serviceId();
        $service = Services::find($serviceId);
        $rows = ['State' => self::state($service, Requests::last($serviceId))];
        if ($service !== null) {
            $server = trim(($service->server_id ?? '') . ' ' . ($service->serial === null ? '' : "($service->serial)"));
            $rows += [
                'Panel' => Text::html((string) $service->panel),
                'Server (serial)' => Text::html($server),
                'Owner in DCImanager' => Text::html((string) $service->owner),
                'Addresses' => Text::html((string) $service->addresses),
                'Operation system' => Text::html((string) $service->os),
                'Welcome mail' => Text::html(trim($service->mail . ' ' . $service->mail_at)),
            ];
        }
        $rows['Last run'] = self::run(Requests::last($serviceId));
        $misspelt = Options::misspelt($call->options());
        if ($misspelt !== []) {
            $rows['Options without effect'] = Text::html(
                'These configurable options do nothing: ' . implode(', ', $misspelt) . '. The names are '
                . implode(', ', Options::OS) . ' and ' . implode(', ', Options::IP) . '.'
            );
        }
        if ($call->isOn(Order::VERIFIED_ONLY)) {
            $hosting = Hosting::find($serviceId);
            $missing = $hosting !== null && Verification::isMissing($call, $hosting);
            $rows['E-mail address'] = $missing ? 'not verified: the client cannot manage this service' : 'verified';
        }
        return $rows;
    }

    private static function state(?\stdClass $service, ?Request $last): string
    {
        if ($service === null && $last === null) {
            return 'WHMCS knows no server of this service.';
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

    private static function run(?Request $request): string
    {
        if ($request === null) {
            return 'none';
        }
        $age = Time::words(Time::age($request->createdAt));
        $line = "$request->action: $request->state, asked for $age ago by $request->requestedBy";
        if ($request->closedAt !== null) {
            $line .= ', over since ' . Time::words(Time::age($request->closedAt));
        }
        $html = Text::html($line) . ($request->message === '' ? '' : '<br>' . Text::html($request->message));
        return $html . Html::runLink($request->flowRunId);
    }
}
