<?php

declare(strict_types=1);

namespace Dciflow\Errand;

use Dciflow\Page\Text;
use Dciflow\Prefect\Contract;
use Dciflow\Request\ErrorBoundary;
use Dciflow\Request\Refusal;
use Dciflow\Store\Schema;
use Dciflow\Store\Settings;
use Dciflow\Store\Time;
use Dciflow\Whmcs\ModuleParams;

if (!defined('WHMCS')) {
    die('This file cannot be accessed directly');
}

/** The buttons of a server's power. */
final class Power
{
    private const COMMANDS = [
        Contract::POWER_ON,
        Contract::POWER_OFF,
        Contract::POWER_REBOOT,
        Contract::POWER_LOOK,
    ];
    private const TWICE_SECONDS = 120; // between two presses of staff

    /** A button of the client's page; the form says which, and for "off" that it is meant. @param array<string, mixed> $params */
    public static function byClient(array $params): string
    {
        $command = self::posted('command');
        if (!in_array($command, self::COMMANDS, true)) {
            return 'Press one of the buttons on the page of your service.';
        }
        if ($command === Contract::POWER_OFF && self::posted('sure') !== '1') {
            return 'Tick the box beside the button first: the server stays off until it is switched on again.';
        }
        return ErrandPress::run(Contract::POWER, $params, ['command' => $command]);
    }

    /** A button of the admin's page; "off" wants two presses. @param array<string, mixed> $params */
    public static function byStaff(array $params, string $command): string
    {
        return ErrorBoundary::text(static function () use ($params, $command): string {
            if ($command === Contract::POWER_OFF) {
                self::checkTwice((new ModuleParams($params))->serviceId());
            }
            return ErrandPress::run(Contract::POWER, $params, ['command' => $command]);
        });
    }

    /** What is known of the power, with its age; '' where nothing is. */
    public static function words(?\stdClass $known): string
    {
        if ($known === null || !in_array($known->power ?? '', Contract::POWERED, true)) {
            return '';
        }
        return Text::oneLine("$known->power, seen " . Time::words(Time::age($known->power_at)) . ' ago');
    }

    private static function checkTwice(int $serviceId): void
    {
        if (!ModuleParams::isStaff()) {
            throw new Refusal('Only staff may do this, who are logged in to WHMCS\'s admin area. Nothing was changed.');
        }
        Schema::ensure();
        $mark = "power off $serviceId";
        $before = Settings::kept($mark);
        if ($before === null || Time::age($before) > self::TWICE_SECONDS) {
            Settings::keep($mark, Time::now());
            throw new Refusal('Press Power off again within 2 minutes: the server stays off until it is switched on.');
        }
        Settings::forget($mark);
    }

    private static function posted(string $name): string
    {
        $value = $_POST[$name] ?? '';
        return is_string($value) ? $value : '';
    }
}
