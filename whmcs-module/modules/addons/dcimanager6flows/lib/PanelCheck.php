<?php

declare(strict_types=1);

namespace Dciflow;

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
        $call = new Call($params);
        $problem = Guard::text(static function () use ($call): string {
            Schema::ensure();
            return self::problem($call);
        });
        Guard::quietly(static function () use ($call, $problem): void {
            $request = ['host' => $call->text('serverhostname') ?: $call->text('serverip')];
            ModuleLog::write('TestConnection', $request, $problem === '' ? 'ready' : $problem, $call->secrets());
        });
        return ['success' => $problem === '', 'error' => $problem];
    }

    private static function problem(Call $call): string
    {
        $deadline = new Deadline(self::SECONDS);
        $prefect = new Prefect($deadline);
        $panel = Panels::storeTested($call, $prefect);
        $key = Settings::installation() . ':check:' . bin2hex(random_bytes(8));
        $run = $prefect->start('check-panel', ['panel' => $panel], "check-panel-$panel", ["panel:$panel"], $key);
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
