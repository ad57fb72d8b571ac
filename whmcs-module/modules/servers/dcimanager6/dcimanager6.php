<?php

/**
 * DCImanager 6 for WHMCS: each function hands its work to a Prefect flow and says how it ended.
 *
 * Source of the settings, their names and order: DCImanager manual, Integration with WHMCS, "Module Settings".
 */

declare(strict_types=1);

if (!defined('WHMCS')) {
    die('This file cannot be accessed directly');
}

require_once __DIR__ . '/../../addons/dcimanager6flows/lib/load.php';

use Dciflow\Errand\ChangePackage;
use Dciflow\Errand\Power;
use Dciflow\Errand\Reinstall;
use Dciflow\Errand\Rename;
use Dciflow\Errand\Rescue;
use Dciflow\Errand\ReverseName;
use Dciflow\Errand\StaffForms;
use Dciflow\Errand\SignIn;
use Dciflow\Errand\SignInAction;
use Dciflow\Page\AdminTab;
use Dciflow\Page\ClientPage;
use Dciflow\Page\ConfigLoaders;
use Dciflow\Page\CustomFunctions;
use Dciflow\Page\ProductSettings;
use Dciflow\Page\ServerChoice;
use Dciflow\Prefect\Contract;
use Dciflow\Request\Command;
use Dciflow\Request\Order;
use Dciflow\Store\PanelCheck;
use Dciflow\Store\Tenants;
use Dciflow\Store\Usage;
use Dciflow\Whmcs\TrafficMetrics;

function dcimanager6_MetaData(): array
{
    return [
        'DisplayName' => 'DCImanager 6',
        'APIVersion' => '1.1',
        'RequiresServer' => true,
        'DefaultNonSSLPort' => '80',
        'DefaultSSLPort' => '443',
        // For metrics only: there is no ListAccounts.
        'ListAccountsUniqueIdentifierDisplayName' => Tenants::FIELD,
        'ListAccountsUniqueIdentifierField' => 'customfield.' . Tenants::FIELD,
        'ServiceSingleSignOnLabel' => SignIn::LABEL,
        'AdminSingleSignOnLabel' => SignIn::LABEL,
    ];
}

function dcimanager6_ConfigOptions($params = []): array
{
    return ProductSettings::all();
}

function dcimanager6_LoadConfigurations($params = []): array
{
    return ConfigLoaders::choices(Order::CONFIGURATION, (array) $params);
}

function dcimanager6_LoadOsTemplates($params = []): array
{
    return ConfigLoaders::choices(Order::OS, (array) $params);
}

function dcimanager6_LoadIpPools($params = []): array
{
    return ConfigLoaders::choices(Order::IP_POOL, (array) $params);
}

function dcimanager6_LoadLocations($params = []): array
{
    return ConfigLoaders::choices(Order::LOCATION, (array) $params);
}

function dcimanager6_TestConnection($params = []): array
{
    return PanelCheck::run((array) $params);
}

function dcimanager6_CreateAccount($params = []): string
{
    return Command::run(Contract::ACTIVATE, (array) $params);
}

function dcimanager6_SuspendAccount($params = []): string
{
    return Command::run(Contract::SUSPEND, (array) $params);
}

function dcimanager6_UnsuspendAccount($params = []): string
{
    return Command::run(Contract::UNSUSPEND, (array) $params);
}

function dcimanager6_TerminateAccount($params = []): string
{
    return Command::run(Contract::TERMINATE, (array) $params);
}

/** Called once a day for each server record; see Usage for what is written. */
function dcimanager6_UsageUpdate($params = []): string
{
    return Usage::update((array) $params);
}

/** Asked for products, for server records and for services; see TrafficMetrics for what is told. */
function dcimanager6_MetricProvider($params = []): TrafficMetrics
{
    return new TrafficMetrics((array) $params);
}

/** A paid renewal changes nothing on the server. */
function dcimanager6_Renew($params = []): string
{
    return Command::SUCCESS;
}

/** WHMCS asks after the client has paid; what cannot be delivered the client area leads away from before (Hooks). */
function dcimanager6_ChangePackage($params = []): string
{
    return ChangePackage::run((array) $params);
}

function dcimanager6_AdminCustomButtonArray($params = []): array
{
    return [
        'Sync' => 'sync', 'Retry' => 'retry', 'Link server' => 'link', 'Unlink' => 'unlink', 'Power on' => 'powerOn',
        'Power off' => 'powerOff', 'Reboot' => 'reboot', 'Look at the power' => 'lookAtPower',
        'Boot the rescue system' => 'startRescue', 'Leave rescue' => 'leaveRescue',
    ];
}

/** Called by flows through the API, by the cron and by staff: any time, any number of times. */
function dcimanager6_sync($params = []): string
{
    return CustomFunctions::sync((array) $params);
}

function dcimanager6_retry($params = []): string
{
    return CustomFunctions::retry((array) $params);
}

function dcimanager6_link($params = []): string
{
    return ServerChoice::link((array) $params);
}

function dcimanager6_unlink($params = []): string
{
    return CustomFunctions::unlink((array) $params);
}

function dcimanager6_powerOn($params = []): string
{
    return Power::byStaff((array) $params, Contract::POWER_ON);
}

function dcimanager6_powerOff($params = []): string
{
    return Power::byStaff((array) $params, Contract::POWER_OFF);
}

function dcimanager6_reboot($params = []): string
{
    return Power::byStaff((array) $params, Contract::POWER_REBOOT);
}

function dcimanager6_lookAtPower($params = []): string
{
    return Power::byStaff((array) $params, Contract::POWER_LOOK);
}

function dcimanager6_startRescue($params = []): string
{
    return Rescue::byStaff((array) $params, Contract::RESCUE_START);
}

function dcimanager6_leaveRescue($params = []): string
{
    return Rescue::byStaff((array) $params, Contract::RESCUE_LEAVE);
}

function dcimanager6_AdminServicesTabFields($params = []): array
{
    return AdminTab::rows((array) $params);
}

function dcimanager6_AdminServicesTabFieldsSave($params = []): void
{
    ServerChoice::save((array) $params);
    Reinstall::bySave((array) $params);
    StaffForms::save((array) $params);
}

function dcimanager6_ClientArea($params = []): array
{
    return ClientPage::page((array) $params);
}

/** The only functions that a client may call. */
function dcimanager6_ClientAreaAllowedFunctions(): array
{
    return ['refresh', 'power', 'reinstall', 'setPtr', 'rescue', 'rename'];
}

function dcimanager6_refresh($params = []): string
{
    return CustomFunctions::refresh((array) $params);
}

/** The form of the client's page says which: on, off, reboot or look. */
function dcimanager6_power($params = []): string
{
    return Power::byClient((array) $params);
}

/** The form of the client's page says with which OS, and has the host name typed. */
function dcimanager6_reinstall($params = []): string
{
    return Reinstall::byClient((array) $params);
}

/** The form of the client's page says which address and which name. */
function dcimanager6_setPtr($params = []): string
{
    return ReverseName::byClient((array) $params);
}

/** The form of the client's page says which: start or leave. */
function dcimanager6_rescue($params = []): string
{
    return Rescue::byClient((array) $params);
}

/** The form of the client's page says which host name. */
function dcimanager6_rename($params = []): string
{
    return Rename::byClient((array) $params);
}

/** WHMCS's link and button at a service, for its client and for staff. */
function dcimanager6_ServiceSingleSignOn($params = []): array
{
    return SignIn::run((array) $params);
}

/** WHMCS's button at a server record, which is no service: nobody is signed in there as an administrator of the panel. */
function dcimanager6_AdminSingleSignOn($params = []): array
{
    return SignIn::run((array) $params);
}

/** Asked for by WHMCS 8.5 and later only, which has the classes. */
function dcimanager6_CustomActions($params = [])
{
    return SignInAction::collection((array) $params);
}
