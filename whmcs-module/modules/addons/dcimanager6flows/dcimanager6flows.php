<?php

declare(strict_types=1);

if (!defined('WHMCS')) {
    die('This file cannot be accessed directly');
}

require_once __DIR__ . '/lib/load.php';

use Dciflow\Page\AddonPage;
use Dciflow\Request\ErrorBoundary;
use Dciflow\Store\Schema;

function dcimanager6flows_config(): array
{
    return [
        'name' => 'DCImanager 6 flows',
        'description' => 'Runs DCImanager 6 services as Prefect flows: settings, open requests, held services.',
        'version' => '0.1.0',
        'author' => 'dciflow',
        'language' => 'english',
        'fields' => [
            'api_url' => [
                'FriendlyName' => 'Prefect API address',
                'Type' => 'text',
                'Size' => '60',
                'Description' => 'For example https://prefect-whmcs.example.com:8443/api: dciflow door (docs/least-privilege.md)',
            ],
            'auth' => [
                'FriendlyName' => 'Prefect auth string',
                'Type' => 'password',
                'Size' => '40',
                'Description' => 'What dciflow door add printed: name:secret. WHMCS keeps it in plain text.',
            ],
            'ui_url' => [
                'FriendlyName' => 'Prefect UI address',
                'Type' => 'text',
                'Size' => '60',
                'Description' => 'For links, for example https://prefect.example.com/v2',
            ],
            'strict' => [
                'FriendlyName' => 'Strict mode',
                'Type' => 'yesno',
                'Description' => 'Nothing is said to be done before it is: until then a command answers with an error '
                    . 'text that names its run, and WHMCS runs it again by itself when the run is done.',
            ],
            'any_certificate' => [
                'FriendlyName' => 'Accept any panel certificate',
                'Type' => 'yesno',
                'Description' => 'For panels with a certificate of their own making. Their password can then be caught '
                    . 'on the way.',
            ],
        ],
    ];
}

function dcimanager6flows_activate(): array
{
    $problem = ErrorBoundary::text(static function (): string {
        Schema::ensure();
        return '';
    });
    return $problem === ''
        ? ['status' => 'success', 'description' => 'The tables are there. Fill in the Prefect API address next.']
        : ['status' => 'error', 'description' => $problem];
}

/** Everything is kept: the tables say which client has which server. */
function dcimanager6flows_deactivate(): array
{
    return ['status' => 'success', 'description' => 'All tables and settings of dciflow are kept.'];
}

function dcimanager6flows_upgrade($vars = []): void
{
    ErrorBoundary::quietly([Schema::class, 'ensure']);
}

function dcimanager6flows_output($vars = []): void
{
    echo AddonPage::html((array) $vars);
}
