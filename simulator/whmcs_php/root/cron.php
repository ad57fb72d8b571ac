<?php

/**
 * WHMCS's cron: one process on the command line, service after service, and its hook at the end.
 *
 * `php cron.php '[[1001, "SuspendAccount"]]'` prints what the commands answered.
 * That it is one process is not documented. Source of the hook: https://developers.whmcs.com/hooks-reference/cron
 */

declare(strict_types=1);

use FakeWhmcs\Actor;
use FakeWhmcs\Hooks;
use FakeWhmcs\ModuleRunner;

require_once __DIR__ . '/init.php';

ob_start();
Actor::Automation->enter();
$said = [];
foreach (json_decode($argv[1] ?? '[]', true, 8, JSON_THROW_ON_ERROR) as [$service, $command]) {
    $said[] = ModuleRunner::command($service, $command, Actor::Automation);
}
Hooks::run('AfterCronJob', []);
$stray = trim((string) ob_get_clean());
if ($stray !== '') {
    FakeWhmcs\Faults::output($stray);
}
echo json_encode($said, JSON_THROW_ON_ERROR);
