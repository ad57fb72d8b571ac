<?php

/** Makes or drops the database of one stage: `php setup.php install|drop`. */

declare(strict_types=1);

require __DIR__ . '/init.php';

match ($argv[1] ?? '') {
    'install' => Stage\Database::install((string) getenv('STAGE_DATABASE')),
    'drop' => Stage\Database::drop((string) getenv('STAGE_DATABASE')),
};
