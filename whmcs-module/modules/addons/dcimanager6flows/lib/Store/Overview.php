<?php

declare(strict_types=1);

namespace Dciflow\Store;

use Dciflow\Prefect\Contract;
use Dciflow\Prefect\Prefect;
use Dciflow\Prefect\PrefectError;
use Dciflow\Request\Deadline;

if (!defined('WHMCS')) {
    die('This file cannot be accessed directly');
}

/**
 * What flows last reported of all panels, kept here by the cron: the admin's home page asks nobody while it is drawn.
 *
 * `heard`: when Prefect last answered, `silent`: since when it has not, `problem`: what it, or its absence, said then.
 * `panels`: by name, when each was compared (`at`), how many differences are open, and why it could not be compared.
 */
final class Overview
{
    private const KEPT = 'overview';
    private const SECONDS = 5.0; // of a cron call; a panel that was not asked for in it is the first of the next

    public string $heard = '';
    public string $silent = '';
    public string $problem = '';
    public int $held = 0;
    /** @var array<string, array{asked: string, at: string, open: int, stopped: string}> */
    public array $panels = [];

    public static function kept(): self
    {
        $overview = new self();
        $kept = json_decode((string) Settings::kept(self::KEPT), true);
        if (is_array($kept)) {
            $overview->heard = Reports::word($kept['heard'] ?? '');
            $overview->silent = Reports::word($kept['silent'] ?? '');
            $overview->problem = Reports::word($kept['problem'] ?? '');
            $overview->held = (int) Reports::word($kept['held'] ?? 0);
            $overview->panels = Reports::list($kept, 'panels');
        }
        return $overview;
    }

    /** Ask for the reports. Of what does not answer the last report stays. */
    public static function refresh(): void
    {
        $overview = self::kept();
        try {
            $overview->ask(new Deadline(self::SECONDS));
            [$overview->heard, $overview->silent, $overview->problem] = [Time::now(), '', ''];
        } catch (PrefectError $error) {
            $overview->silent = $overview->silent ?: Time::now();
            $overview->problem = $error->getMessage();
        }
        $kept = json_encode(get_object_vars($overview), JSON_THROW_ON_ERROR | JSON_INVALID_UTF8_SUBSTITUTE);
        Settings::keep(self::KEPT, $kept);
    }

    /** @throws PrefectError */
    private function ask(Deadline $deadline): void
    {
        $prefect = new Prefect($deadline);
        $report = $prefect->variable(Contract::VARIABLE_HELD) ?? [];
        $this->held = (int) Reports::word($report['total'] ?? 0);
        $names = Panels::names();
        $this->panels = array_intersect_key($this->panels, array_flip($names));
        usort($names, function (string $one, string $other): int {
            return ($this->panels[$one]['asked'] ?? '') <=> ($this->panels[$other]['asked'] ?? '');
        });
        foreach ($names as $panel) {
            if ($deadline->isOver()) {
                return;
            }
            $report = $prefect->variable(Contract::variableOf($panel, Contract::VARIABLE_RECONCILIATION)) ?? [];
            $this->panels[$panel] = [
                'asked' => Time::now(),
                'at' => Reports::word($report['at'] ?? ''),
                'open' => (int) array_sum(array_filter(Reports::list($report, 'counts'), 'is_int')),
                'stopped' => Reports::word($report['stopped'] ?? ''),
            ];
        }
    }
}
