<?php

/**
 * What a module finds when WHMCS has loaded it: constant, database, classes, functions, hooks.
 *
 * Environment: FAKE_WHMCS_DATABASE (mysql://user:password@host:port/name or sqlite:///file), FAKE_WHMCS_MODULES (the
 * folder that WHMCS calls modules/), FAKE_WHMCS_HOME (a folder for compiled templates and the log of module faults).
 * Source: https://developers.whmcs.com/provisioning-modules/getting-started
 */

declare(strict_types=1);

require_once 'Illuminate/Database/autoload.php';

define('WHMCS', true);
define('ROOTDIR', dirname((string) getenv('FAKE_WHMCS_MODULES')));

spl_autoload_register(static function (string $class): void {
    $file = __DIR__ . '/lib/' . strtr($class, '\\', '/') . '.php';
    if (is_file($file)) {
        require $file;
    }
});

class_alias(Illuminate\Database\Capsule\Manager::class, 'WHMCS\Database\Capsule');

FakeWhmcs\Faults::watch();
FakeWhmcs\Database::connect((string) getenv('FAKE_WHMCS_DATABASE'));

require_once __DIR__ . '/lib/functions.php';
