<?php

/** Makes or drops the database of one simulated WHMCS: `php setup.php install|drop`. */

declare(strict_types=1);

require __DIR__ . '/init.php';

match ($argv[1] ?? '') {
    'install' => FakeWhmcs\Database::install((string) getenv('FAKE_WHMCS_DATABASE')),
    'drop' => FakeWhmcs\Database::drop((string) getenv('FAKE_WHMCS_DATABASE')),
};
