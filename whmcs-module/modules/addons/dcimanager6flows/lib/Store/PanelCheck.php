<?php

declare(strict_types=1);

namespace Dciflow\Store;

use Dciflow\Prefect\Prefect;
use Dciflow\Prefect\Run;
use Dciflow\Prefect\RunRequest;
use Dciflow\Request\Deadline;
use Dciflow\Request\ErrorBoundary;
use Dciflow\Whmcs\ModuleLog;
use Dciflow\Whmcs\ModuleParams;

if (!defined('WHMCS')) {
    die('This file cannot be accessed directly');
}

/** "Test Connection" of a server record: a run logs in to the panel and says what is not ready. */
final class PanelCheck
{
    private const SECONDS = 9.0;

    /**
     * @param array<string, mixed> $params
     * @return array{success: bool, error: string}
     */
    public static function run(array $params): array
    {
        $moduleParams = new ModuleParams($params);
        $problem = ErrorBoundary::text(static function () use ($moduleParams): string {
            Schema::ensure();
            return self::problem($moduleParams);
        });
        ErrorBoundary::quietly(static function () use ($moduleParams, $problem): void {
            $request = ['host' => $moduleParams->text('serverhostname') ?: $moduleParams->text('serverip')];
            $answer = $problem === '' ? 'ready' : $problem;
            ModuleLog::write('TestConnection', $request, $answer, $moduleParams->secrets());
        });
        return ['success' => $problem === '', 'error' => $problem];
    }

    private static function problem(ModuleParams $moduleParams): string
    {
        $deadline = new Deadline(self::SECONDS);
        $prefect = new Prefect($deadline);
        $panel = Panels::storeTested($moduleParams, $prefect);
        $key = Settings::installation() . ':check:' . bin2hex(random_bytes(8));
        $run = $prefect->start(RunRequest::panelCheck($panel), $key);
        for ($pause = 0.2; !$run->isOver() && $deadline->seconds() > 0.5; $pause = min(1.0, $pause * 1.5)) {
            $deadline->sleep($pause);
            $run = $prefect->run($run->id) ?? $run;
        }
        if ($run->isDone()) {
            return '';
        }
        $why = $run->isOver() ? $run->reason() : 'The check has not ended yet; its run says how it goes:';
        return $why . ' ' . Run::link($run->id);
    }
}
