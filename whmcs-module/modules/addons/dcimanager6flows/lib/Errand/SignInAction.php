<?php

declare(strict_types=1);

namespace Dciflow\Errand;

use Dciflow\Prefect\Contract;
use Dciflow\Whmcs\ModuleParams;
use WHMCS\Module\Server\CustomAction;
use WHMCS\Module\Server\CustomActionCollection;

if (!defined('WHMCS')) {
    die('This file cannot be accessed directly');
}

/**
 * The same sign-in as an item of the client area's home page and menu, for users with the permission `productsso`.
 *
 * Source: https://developers.whmcs.com/provisioning-modules/custom-actions (WHMCS 8.5 and later)
 */
final class SignInAction
{
    private const PERMISSION = 'productsso';

    /** @param array<string, mixed> $params as WHMCS passes them */
    public static function collection(array $params): CustomActionCollection
    {
        $actions = new CustomActionCollection();
        if (ClientSwitch::isOn(Contract::SIGN_IN, new ModuleParams($params))) {
            $run = [SignIn::class, 'run'];
            $actions->add(CustomAction::factory(Contract::SIGN_IN, SignIn::LABEL, $run, [$params], [self::PERMISSION]));
        }
        return $actions;
    }
}
