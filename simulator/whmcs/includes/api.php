<?php

/**
 * WHMCS's API from outside: form in; JSON, flat keys or text out; or the faults that a test asked for.
 *
 * Source: dossier "WHMCS", section 13.
 */

declare(strict_types=1);

use Stage\Api;
use Stage\Denial;
use Stage\Switches;
use Stage\Writing;

require_once __DIR__ . '/../init.php';

$unavailable = (int) Switches::get('api_unavailable');
if ($unavailable > 0) {
    Switches::set('api_unavailable', (string) ($unavailable - 1));
    http_response_code(503);
    echo '<html><h1>503 Service Unavailable</h1></html>';
    return;
}
try {
    $answer = Api::request($_POST);
} catch (Denial $denial) {
    $answer = ['result' => 'error', 'message' => $denial->getMessage()];
    http_response_code($denial->getCode() ?: 200);
}
if (Api::losesAnswer((string) ($_POST['action'] ?? ''))) {
    // More bytes are announced than come: for the caller the connection was cut.
    header('Content-Length: 4096');
    return;
}
Writing::out($answer, ($_POST['responsetype'] ?? '') === 'json');
