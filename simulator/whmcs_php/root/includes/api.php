<?php

/**
 * WHMCS's API from outside: form in; JSON, flat keys or text out; or the faults that a test asked for.
 *
 * Source: https://developers.whmcs.com/api/authentication and api/response-types
 */

declare(strict_types=1);

use FakeWhmcs\Api;
use FakeWhmcs\ApiError;
use FakeWhmcs\Flags;
use FakeWhmcs\Writing;

require_once __DIR__ . '/../init.php';

$unavailable = (int) Flags::get('api_unavailable');
if ($unavailable > 0) {
    Flags::set('api_unavailable', (string) ($unavailable - 1));
    http_response_code(503);
    echo '<html><h1>503 Service Unavailable</h1></html>';
    return;
}
try {
    $answer = Api::request($_POST);
} catch (ApiError $error) {
    $answer = ['result' => 'error', 'message' => $error->getMessage()];
    http_response_code($error->getCode() ?: 200);
}
if (Api::losesAnswer((string) ($_POST['action'] ?? ''))) {
    // More bytes are announced than come: for the caller the connection was cut.
    header('Content-Length: 4096');
    return;
}
Writing::out($answer, ($_POST['responsetype'] ?? '') === 'json');
