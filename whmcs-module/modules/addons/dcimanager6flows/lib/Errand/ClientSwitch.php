<?php

declare(strict_types=1);

namespace Dciflow\Errand;

use Dciflow\Prefect\Contract;
use Dciflow\Request\Order;
use Dciflow\Whmcs\ModuleParams;

if (!defined('WHMCS')) {
    die('This file cannot be accessed directly');
}

/** What a product lets its clients do themselves: one setting of the module for each errand, off unless it is on. */
final class ClientSwitch
{
    /** The module setting of each errand that clients may ask for. */
    public const SETTINGS = [
        Contract::POWER => Order::CLIENT_POWER,
        Contract::REINSTALL => Order::CLIENT_REINSTALL,
        Contract::RESCUE => Order::CLIENT_RESCUE,
        Contract::SET_PTR => Order::CLIENT_PTR,
        Contract::RENAME => Order::CLIENT_RENAME,
        Contract::SIGN_IN => Order::CLIENT_SIGN_IN,
    ];

    public static function isOn(string $flow, ModuleParams $moduleParams): bool
    {
        return isset(self::SETTINGS[$flow]) && $moduleParams->isOn(self::SETTINGS[$flow]);
    }
}
