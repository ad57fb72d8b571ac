<?php

if (!defined('WHMCS')) {
    die('This file cannot be accessed directly');
}

use WHMCS\Database\Capsule;

add_hook('PreModuleCreate', 1, function (array $vars) {
    if (strpos($vars['params']['domain'], 'veto') === 0) {
        return ['abortcmd' => true];
    }
    return strpos($vars['params']['domain'], 'override') === 0 ? ['configoption1' => 'overridden'] : null;
});

add_hook('AfterModuleCreate', 1, function (array $vars) {
    $id = $vars['params']['serviceid'];
    $status = Capsule::table('tblhosting')->where('id', $id)->value('domainstatus');
    $mails = Capsule::table('tblemails')->where('relid', $id)->count();
    Capsule::table('mod_sample_seen')->insert(['service_id' => $id, 'status' => "$status, $mails mails"]);
});

add_hook('AfterModuleCreateFailed', 1, function (array $vars) {
    logActivity('failed hook: ' . $vars['failureResponseMessage']);
});

add_hook('EmailPreSend', 1, function (array $vars) {
    return strpos($vars['mergefields']['service_domain'], 'quiet') === 0 ? ['abortsend' => true] : null;
});

add_hook('AfterCronJob', 1, function () {
    logActivity('cron ran');
});
