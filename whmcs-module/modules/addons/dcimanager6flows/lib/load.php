<?php

declare(strict_types=1);

if (!defined('WHMCS')) {
    die('This file cannot be accessed directly');
}

// Both modules and the hooks load this file; the classes come when they are first named.
spl_autoload_register(static function (string $class): void {
    if (strpos($class, 'Dciflow\\') === 0) {
        $file = __DIR__ . '/' . substr($class, strlen('Dciflow\\')) . '.php';
        if (is_file($file)) {
            require_once $file;
        }
    }
});
