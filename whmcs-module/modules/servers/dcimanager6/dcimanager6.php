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

use Dciflow\AdminTab;
use Dciflow\Buttons;
use Dciflow\Choices;
use Dciflow\ClientPage;
use Dciflow\Command;
use Dciflow\Order;
use Dciflow\PanelCheck;
use Dciflow\Usage;

function dcimanager6_MetaData(): array
{
    return [
        'DisplayName' => 'DCImanager 6',
        'APIVersion' => '1.1',
        'RequiresServer' => true,
        'DefaultNonSSLPort' => '80',
        'DefaultSSLPort' => '443',
    ];
}

/** WHMCS keeps them by position, as configoption1 and so on: append only. */
function dcimanager6_ConfigOptions($params = []): array
{
    return [
        'configuration' => [
            'FriendlyName' => 'Server configuration type',
            'Type' => 'text',
            'Size' => '40',
            'Loader' => 'dcimanager6_LoadConfigurations',
            'SimpleMode' => true,
            'Description' => 'Server configuration name in DCImanager; diagnostics of a server show it.',
        ],
        'os_template' => [
            'FriendlyName' => 'Operation system',
            'Type' => 'text',
            'Size' => '40',
            'Loader' => 'dcimanager6_LoadOsTemplates',
            'SimpleMode' => true,
            'Description' => 'OS template name in DCImanager. The configurable option OS goes over it.',
        ],
        'do_not_wait' => [
            'FriendlyName' => "Don't wait the OS install",
            'Type' => 'yesno',
            'SimpleMode' => true,
            'Description' => 'The activation does not wait for the OS; a second run does. '
                . 'The service stays Pending until the OS is installed in either case.',
        ],
        'ip_pool' => [
            'FriendlyName' => 'IP address group',
            'Type' => 'text',
            'Size' => '40',
            'Loader' => 'dcimanager6_LoadIpPools',
            'SimpleMode' => true,
            'Description' => 'IP pool name in DCImanager.',
        ],
        'os_timeout' => [
            'FriendlyName' => 'OS Installation timeout (minute)',
            'Type' => 'text',
            'Size' => '5',
            'Default' => (string) Order::DEFAULT_TIMEOUT,
            'SimpleMode' => true,
            'Description' => 'After so many minutes an unfinished installation is ended, waited for or not.',
        ],
        'location_id' => [
            'FriendlyName' => 'Location ID',
            'Type' => 'text',
            'Size' => '5',
            'Loader' => 'dcimanager6_LoadLocations',
            'SimpleMode' => true,
            'Description' => 'Location ID in DCImanager. Empty: servers of every location.',
        ],
        'verified_only' => [
            'FriendlyName' => 'User email verifying option check',
            'Type' => 'yesno',
            'SimpleMode' => true,
            'Description' => 'A client without a verified e-mail address cannot manage the service through WHMCS, '
                . 'and its activation waits for the verification.',
        ],
        'stock' => [
            'FriendlyName' => 'Stock of free servers',
            'Type' => 'yesno',
            'SimpleMode' => true,
            'Description' => "WHMCS's stock follows the free, fit servers; needs Stock Control on the product.",
        ],
        'wipe_delay' => [
            'FriendlyName' => 'Wipe delay (hours)',
            'Type' => 'text',
            'Size' => '5',
            'Default' => '0',
            'SimpleMode' => true,
            'Description' => 'So long after a deletion the server is only off the network and can be brought back; '
                . '0 wipes at once. It holds for services that are activated from now on.',
        ],
    ];
}

function dcimanager6_LoadConfigurations($params = []): array
{
    return Choices::of(Order::CONFIGURATION, (array) $params);
}

function dcimanager6_LoadOsTemplates($params = []): array
{
    return Choices::of(Order::OS, (array) $params);
}

function dcimanager6_LoadIpPools($params = []): array
{
    return Choices::of(Order::IP_POOL, (array) $params);
}

function dcimanager6_LoadLocations($params = []): array
{
    return Choices::of(Order::LOCATION, (array) $params);
}

function dcimanager6_TestConnection($params = []): array
{
    return PanelCheck::run((array) $params);
}

function dcimanager6_CreateAccount($params = []): string
{
    return Command::run('activate', (array) $params);
}

function dcimanager6_SuspendAccount($params = []): string
{
    return Command::run('suspend', (array) $params);
}

function dcimanager6_UnsuspendAccount($params = []): string
{
    return Command::run('unsuspend', (array) $params);
}

function dcimanager6_TerminateAccount($params = []): string
{
    return Command::run('terminate', (array) $params);
}

/** Called once a day for each server record; see Usage for what is written. */
function dcimanager6_UsageUpdate($params = []): string
{
    return Usage::update((array) $params);
}

/** A paid renewal changes nothing on the server. */
function dcimanager6_Renew($params = []): string
{
    return Command::SUCCESS;
}

/** The text is shown to clients, too. */
function dcimanager6_ChangePassword($params = []): string
{
    return 'The password of a server is not changed from here. Change it on the server itself.';
}

function dcimanager6_ChangePackage($params = []): string
{
    return 'A server is not changed into another one from here: order the new one, move, and cancel the old one.';
}

function dcimanager6_AdminCustomButtonArray($params = []): array
{
    return ['Sync' => 'sync', 'Retry' => 'retry', 'Unlink' => 'unlink'];
}

/** Called by flows through the API, by the cron and by staff: any time, any number of times. */
function dcimanager6_sync($params = []): string
{
    return Buttons::sync((array) $params);
}

function dcimanager6_retry($params = []): string
{
    return Buttons::retry((array) $params);
}

function dcimanager6_unlink($params = []): string
{
    return Buttons::unlink((array) $params);
}

function dcimanager6_AdminServicesTabFields($params = []): array
{
    return AdminTab::rows((array) $params);
}

function dcimanager6_ClientArea($params = []): array
{
    return ClientPage::page((array) $params);
}

/** The only functions that a client may call. */
function dcimanager6_ClientAreaAllowedFunctions(): array
{
    return ['refresh'];
}

function dcimanager6_refresh($params = []): string
{
    return Buttons::refresh((array) $params);
}
