<?php

declare(strict_types=1);

namespace Dciflow\Request;

use Dciflow\Page\Text;
use Dciflow\Whmcs\HostName;
use Dciflow\Whmcs\ModuleParams;
use Dciflow\Whmcs\PlainText;

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
    public const CLIENT_POWER = 10;
    public const SUSPENSION_MODE = 11;
    public const SUSPENSION_GRACE = 12;
    public const CLIENT_REINSTALL = 13;
    public const REINSTALL_OS = 14;
    public const CLIENT_PTR = 15;
    public const CLIENT_SIGN_IN = 16;
    public const CLIENT_RESCUE = 17;
    public const CLIENT_RENAME = 18;
    public const SSH_KEY = 19;

    public const MODE_PORTS = 'ports';
    public const MODE_PORTS_AND_POWER = 'ports-and-power';

    public const DEFAULT_TIMEOUT = 60; // minutes; the flow's own default

    /**
     * The order as plain text, lists of it, numbers and booleans. The flow refuses what is empty or out of bounds.
     *
     * @param int|null $serverId the server that staff chose
     * @return array<string, int|string|bool|list<string>|null>
     * @throws Refusal a setting or an option has to be a number and is none
     */
    public static function of(ModuleParams $moduleParams, int $clientId, ?int $serverId = null): array
    {
        $options = $moduleParams->options();
        $location = $moduleParams->setting(self::LOCATION);
        $timeout = $moduleParams->setting(self::TIMEOUT);
        $addresses = Options::value($options, Options::IP) ?? '1';
        $hostname = HostName::read($moduleParams->text('domain'));
        $delay = $moduleParams->setting(self::WIPE_DELAY);
        $mode = $moduleParams->setting(self::SUSPENSION_MODE);
        $grace = $moduleParams->setting(self::SUSPENSION_GRACE);
        return [
            'client_id' => $clientId,
            'configuration' => $moduleParams->setting(self::CONFIGURATION),
            'os_template' => Options::value($options, Options::OS) ?? $moduleParams->setting(self::OS),
            'ip_pool' => $moduleParams->setting(self::IP_POOL),
            // WHMCS passes the quantity 0 for an option that was never filled in.
            'ipv4_count' => max(1, self::number('The option for IP addresses', $addresses)),
            'location_id' => $location === '' ? null : self::number('Location ID', $location),
            'wait_for_os' => !$moduleParams->isOn(self::DO_NOT_WAIT),
            'os_install_timeout_minutes' =>
                $timeout === '' ? self::DEFAULT_TIMEOUT : self::number('OS Installation timeout (minute)', $timeout),
            'hostname' => $hostname === '' ? null : $hostname,
            'wipe_delay_hours' => $delay === '' ? 0 : self::number('Wipe delay (hours)', $delay),
            'suspension_mode' => $mode === '' ? self::MODE_PORTS : $mode,
            'suspension_grace_hours' => $grace === '' ? 0 : self::number('Suspension grace (hours)', $grace),
            'reinstall_templates' => self::templates($moduleParams),
        ] + ($serverId === null ? [] : ['server_id' => $serverId]);
    }

    /**
     * The OS templates that the product allows for reinstallation: its own list, else its template and the one that the
     * client ordered.
     *
     * @return list<string>
     */
    public static function templates(ModuleParams $moduleParams): array
    {
        $listed = preg_split('/[\r\n,]+/', $moduleParams->text('configoption' . self::REINSTALL_OS));
        $names = array_map([PlainText::class, 'of'], $listed === false ? [] : $listed);
        if (array_filter($names) === []) {
            $ordered = Options::value($moduleParams->options(), Options::OS);
            $names = [$moduleParams->setting(self::OS), (string) $ordered];
        }
        return array_values(array_unique(array_filter($names, static function (string $name): bool {
            return $name !== '';
        })));
    }

    private static function number(string $what, string $text): int
    {
        if (preg_match('/\A\d{1,9}\z/', $text) !== 1) {
            throw new Refusal(Text::oneLine("$what is \"$text\": write a whole number there. Nothing was started."));
        }
        return (int) $text;
    }
}
