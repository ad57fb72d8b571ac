<?php

/**
 * What a module finds when WHMCS has loaded it: constant, database, classes, functions, hooks.
 *
 * Environment: STAGE_DATABASE (mysql://user:password@host:port/name or sqlite:///file), STAGE_MODULES (the folder that
 * WHMCS calls modules/), STAGE_HOME (a folder for compiled templates and for what went wrong in module code).
 * Source: dossier "WHMCS", sections 2 and 16.
 */

declare(strict_types=1);

require_once 'Illuminate/Database/autoload.php';

define('WHMCS', true);
define('ROOTDIR', dirname((string) getenv('STAGE_MODULES')));

spl_autoload_register(static function (string $class): void {
    $file = __DIR__ . '/lib/' . strtr($class, '\\', '/') . '.php';
    if (is_file($file)) {
        require $file;
    }
});

class_alias(Illuminate\Database\Capsule\Manager::class, 'WHMCS\Database\Capsule');

Stage\Faults::watch();
Stage\Database::connect((string) getenv('STAGE_DATABASE'));

require_once __DIR__ . '/lib/functions.php';
