<?php

declare(strict_types=1);

namespace Dciflow;

if (!defined('WHMCS')) {
    die('This file cannot be accessed directly');
}

/** What a client sees of his service: from our tables only, nothing remote is asked while a page is drawn. */
final class ClientPage
{
    private const STEPS = [
        'reserved' => 'Reserved',
        'configured' => 'Configured',
        'installing' => 'Installing',
        'ready' => 'Ready',
    ];

    /**
     * @param array<string, mixed> $params
     * @return array<string, mixed>
     */
    public static function page(array $params): array
    {
        $page = self::variables('', [], [], 0);
        Guard::quietly(static function () use ($params, &$page): void {
            Schema::ensure();
            $page = self::read(new Call($params));
        });
        return ['tabOverviewModuleOutputTemplate' => 'templates/clientarea.tpl', 'templateVariables' => $page];
    }

    /** @return array<string, mixed> */
    private static function read(Call $call): array
    {
        $service = Hosting::find($call->serviceId());
        if ($service === null || $call->isAddon()) {
            return self::variables('', [], [], 0);
        }
        if (Verification::isMissing($call, $service)) {
            $why = 'Your e-mail address is not verified, so you cannot manage this service here. ';
            return self::variables($why . Verification::HOW, [], [], 0);
        }
        $known = Services::find($service->id);
        $last = Requests::last($service->id, 'activate');
        if ($service->isOver() || $last === null && $known === null) {
            return self::variables('', [], [], 0);
        }
        $step = $known === null ? '' : (string) $known->step;
        $facts = [];
        if ($known !== null && $step === Services::READY) {
            $facts = ['IP addresses' => (string) $known->addresses, 'Operating system' => (string) $known->os];
        }
        $open = Requests::open($service->id);
        $notice = '';
        if ($step !== Services::READY && $last !== null && $last->state === Request::FAILED) {
            $notice = 'Your server is being prepared by our staff.';
        }
        $steps = $service->status === Hosting::PENDING || $step === Services::READY ? self::steps($step) : [];
        return self::variables($notice, $steps, array_filter($facts), $open === null ? 0 : $service->id);
    }

    /** @return list<array{name: string, state: string}> */
    private static function steps(string $current): array
    {
        $names = array_keys(self::STEPS);
        $reached = array_search($current, $names, true);
        $steps = [];
        foreach ($names as $number => $name) {
            $isDone = $reached !== false && ($number < $reached || $current === Services::READY);
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
        ];
    }
}
