<?php

declare(strict_types=1);

if (!defined('WHMCS')) {
    die('This file cannot be accessed directly');
}

// Both modules and the hooks load this file. A class's namespace is its folder: Dciflow\Prefect\Run is Prefect/Run.php.
// Earlier versions had every class in this folder itself. An upgrade leaves those files, and no name leads to them.
spl_autoload_register(static function (string $class): void {
    if (preg_match('/\ADciflow\\\\([A-Za-z]+)\\\\([A-Za-z]+)\z/', $class, $name) === 1) {
        $file = __DIR__ . "/$name[1]/$name[2].php";
        if (is_file($file)) {
            require_once $file;
        }
    }
});
