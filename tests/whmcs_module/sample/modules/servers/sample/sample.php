<?php

/** The smallest module that shows what the simulated WHMCS does: its first setting says what its commands answer. */

if (!defined('WHMCS')) {
    die('This file cannot be accessed directly');
}

use WHMCS\Database\Capsule;

function sample_answer(array $params)
{
    switch ($params['configoption1']) {
        case 'throw':
            throw new RuntimeException('thrown by the module');
        case 'warn':
            return 'success' . $params['no such key'];
        case 'log':
            logModuleCall('sample', 'log', $params['password'], ['a' => $params['password']], '', [$params['password']]);
            return 'success';
        case 'unique':
            usleep(200000);
            try {
                Capsule::table('mod_sample')->insert(['service_id' => $params['serviceid']]);
            } catch (Illuminate\Database\QueryException $error) {
                return 'taken';
            }
            return 'success';
        default:
            return $params['configoption1'];
    }
}

function sample_ConfigOptions()
{
    return [
        'Answer' => ['Type' => 'text', 'Default' => 'success'],
        'System' => ['FriendlyName' => 'Operating system', 'Type' => 'text', 'Loader' => 'sample_systems'],
        'Broken' => ['Type' => 'text', 'Loader' => 'sample_broken'],
        'Kind' => ['Type' => 'dropdown', 'Options' => 'one,two'],
    ];
}

function sample_systems(array $params)
{
    return ['debian' => 'Debian of ' . $params['serverhostname']];
}

function sample_broken(array $params)
{
    throw new RuntimeException('cannot be read');
}

function sample_CreateAccount(array $params)
{
    return sample_answer($params);
}

function sample_SuspendAccount(array $params)
{
    return sample_answer($params);
}

function sample_UnsuspendAccount(array $params)
{
    return sample_answer($params);
}

function sample_TerminateAccount(array $params)
{
    return sample_answer($params);
}

function sample_ChangePassword(array $params)
{
    return sample_answer($params);
}

function sample_TestConnection(array $params)
{
    return ['success' => $params['serverpassword'] === 'right', 'error' => $params['serverhostname']];
}

function sample_AdminCustomButtonArray()
{
    return ['Note' => 'note'];
}

function sample_AdminServicesTabFields(array $params)
{
    return ['Order' => json_encode($params['configoptions'])];
}

function sample_ClientAreaAllowedFunctions()
{
    return ['note'];
}

function sample_note(array $params)
{
    $params['model']->serviceProperties->save(['Dedicated IP' => '192.0.2.9', 'Noted' => 'yes']);
    return 'success';
}

function sample_ClientArea(array $params)
{
    return [
        'tabOverviewModuleOutputTemplate' => 'templates/overview.tpl',
        'templateVariables' => ['host' => $params['domain'], 'address' => $params['model']->dedicatedip],
    ];
}
