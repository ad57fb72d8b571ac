<?php

declare(strict_types=1);

namespace Dciflow;

if (!defined('WHMCS')) {
    die('This file cannot be accessed directly');
}

/**
 * What a product and its client's options ask for, as the flow `activate` takes it.
 *
 * Source: DCImanager manual, Integration with WHMCS, "Module Settings" and "Configurable options".
 */
final class Order
{
    public const CONFIGURATION = 1;
    public const OS = 2;
    public const DO_NOT_WAIT = 3;
    public const IP_POOL = 4;
    public const TIMEOUT = 5;
    public const LOCATION = 6;
    public const VERIFIED_ONLY = 7;
    public const STOCK = 8;
    public const WIPE_DELAY = 9;

    public const DEFAULT_TIMEOUT = 60; // minutes; the flow's own default

    /**
     * The order as plain text, numbers and booleans. What is empty or out of bounds the flow itself refuses by name.
     *
     * @return array<string, int|string|bool|null>
     * @throws Refusal a number is none
     */
    public static function of(Call $call, int $clientId): array
    {
        $options = $call->options();
        $location = $call->setting(self::LOCATION);
        $timeout = $call->setting(self::TIMEOUT);
        $addresses = Options::value($options, Options::IP) ?? '1';
        $hostname = $call->text('domain');
        $delay = $call->setting(self::WIPE_DELAY);
        return [
            'client_id' => $clientId,
            'configuration' => $call->setting(self::CONFIGURATION),
            'os_template' => Options::value($options, Options::OS) ?? $call->setting(self::OS),
            'ip_pool' => $call->setting(self::IP_POOL),
            // A quantity of nothing is what WHMCS passes for an option that was never filled in.
            'ipv4_count' => max(1, self::number('The option for IP addresses', $addresses)),
            'location_id' => $location === '' ? null : self::number('Location ID', $location),
            'wait_for_os' => !$call->isOn(self::DO_NOT_WAIT),
            'os_install_timeout_minutes' =>
                $timeout === '' ? self::DEFAULT_TIMEOUT : self::number('OS Installation timeout (minute)', $timeout),
            'hostname' => $hostname === '' ? null : $hostname,
            'wipe_delay_hours' => $delay === '' ? 0 : self::number('Wipe delay (hours)', $delay),
        ];
    }

    private static function number(string $what, string $text): int
    {
        if (preg_match('/\A\d{1,9}\z/', $text) !== 1) {
            throw new Refusal(Text::oneLine("$what is \"$text\": write a whole number there. Nothing was started."));
        }
        return (int) $text;
    }
}
