<?php

if (!defined('WHMCS')) {
    die('This file cannot be accessed directly');
}

use WHMCS\Database\Capsule;

function sampleaddon_config()
{
    return ['name' => 'Sample', 'version' => '1.1', 'fields' => []];
}

function sampleaddon_activate()
{
    foreach (['mod_sample', 'mod_sample_seen'] as $table) {
        if (!Capsule::schema()->hasTable($table)) {
            Capsule::schema()->create($table, function ($columns) {
                $columns->increments('id');
                $columns->integer('service_id')->unique();
                $columns->string('status')->default('');
            });
        }
    }
    return ['status' => 'success', 'description' => 'tables made'];
}

function sampleaddon_upgrade(array $vars)
{
    logActivity('upgraded from ' . $vars['version']);
}

function sampleaddon_output(array $vars)
{
    if ($_POST) {
        check_token('WHMCS.admin.default');
        logActivity('form of admin ' . $_SESSION['adminid']);
    }
    echo '<form>' . generate_token('form') . '</form>' . $vars['modulelink'];
}
