<?php

/**
 * What `php -S` serves: the API of WHMCS as modules and flows know it, and the simulator's own control.
 *
 * Every request is a process state of its own, as in WHMCS: nothing but the database is remembered.
 */

declare(strict_types=1);

$path = parse_url($_SERVER['REQUEST_URI'], PHP_URL_PATH);

if ($path === '/whmcs/includes/api.php') {
    require __DIR__ . '/includes/api.php';
} elseif ($path === '/control.php') {
    require __DIR__ . '/control.php';
} else {
    http_response_code(404);
    echo 'Not Found';
}
