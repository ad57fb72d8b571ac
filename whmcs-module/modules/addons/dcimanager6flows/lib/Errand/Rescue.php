<?php

declare(strict_types=1);

namespace Dciflow\Errand;

use Dciflow\Prefect\Contract;

if (!defined('WHMCS')) {
    die('This file cannot be accessed directly');
}

/** The buttons of the panel's rescue system. Its password is the service's own, which the welcome mail has. */
final class Rescue
{
    private const COMMANDS = [Contract::RESCUE_START, Contract::RESCUE_LEAVE];

    /** A button of the client's page; the form says which, and that a reboot is meant. @param array<string, mixed> $params */
    public static function byClient(array $params): string
    {
        $command = self::posted('command');
        if (!in_array($command, self::COMMANDS, true)) {
            return 'Press one of the buttons on the page of your service.';
        }
        if (self::posted('sure') !== '1') {
            return 'Tick the box beside the buttons first: the server is rebooted.';
        }
        return ErrandPress::run(Contract::RESCUE, $params, ['command' => $command]);
    }

    /** A button of the admin's page. @param array<string, mixed> $params */
    public static function byStaff(array $params, string $command): string
    {
        return ErrandPress::run(Contract::RESCUE, $params, ['command' => $command]);
    }

    /** Whether an errand that is done leaves the client with a server that wants the service's password. */
    public static function wasStarted(Errand $errand): bool
    {
        return $errand->flow === Contract::RESCUE && ($errand->parameters['command'] ?? '') === Contract::RESCUE_START;
    }

    private static function posted(string $name): string
    {
        $value = $_POST[$name] ?? '';
        return is_string($value) ? $value : '';
    }
}
