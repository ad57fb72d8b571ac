<?php

declare(strict_types=1);

namespace Dciflow\Store;

use Dciflow\Page\Html;
use Dciflow\Page\Text;
use Dciflow\Prefect\Contract;
use Dciflow\Prefect\Prefect;
use Dciflow\Request\Deadline;
use Dciflow\Request\ErrorBoundary;

if (!defined('WHMCS')) {
    die('This file cannot be accessed directly');
}

/** What flows leave in Prefect's variables for the addon's page. */
final class Reports
{
    private Deadline $deadline;

    public function __construct(Deadline $deadline)
    {
        $this->deadline = $deadline;
    }

    /**
     * A variable's value, or why there is none.
     *
     * @return array{0: array<string, mixed>, 1: string}
     */
    public function read(string $name): array
    {
        $value = null;
        $problem = ErrorBoundary::text(function () use ($name, &$value): string {
            $value = (new Prefect($this->deadline))->variable($name);
            return $value === null ? 'There is no report yet.' : '';
        });
        return [is_array($value) ? $value : [], $problem];
    }

    /** The last reconciliation of each panel, as HTML. */
    public function reconciliations(): string
    {
        $rows = [];
        foreach (Panels::names() as $panel) {
            $rows[] = $this->reconciliation($panel);
        }
        return Html::table(['Panel', 'When', 'Differences', 'What is open'], $rows, 'No panel is known yet.');
    }

    /** @return list<string> */
    private function reconciliation(string $panel): array
    {
        [$report, $problem] = $this->read(Contract::variableOf($panel, Contract::VARIABLE_RECONCILIATION));
        if ($problem !== '') {
            return [Text::html($panel), '', '', Text::html($problem)];
        }
        $counts = [];
        foreach (self::list($report, 'counts') as $class => $count) {
            $counts[] = $class . ': ' . self::word($count);
        }
        $counts[] = 'repaired: ' . self::word($report['repaired'] ?? 0);
        $open = [];
        foreach (self::list($report, Contract::LIST_OPEN) as $difference) {
            if (is_array($difference)) {
                $open[] = Text::html(
                    self::word($difference['class'] ?? '') . ', service ' . self::word($difference['service_id'] ?? '-')
                    . ', server ' . self::word($difference['server_id'] ?? '-') . ': '
                    . self::word($difference['what'] ?? '')
                );
            }
        }
        $stopped = self::word($report['stopped'] ?? '');
        if ($stopped !== '') {
            array_unshift($open, '<strong>stopped: ' . Text::html($stopped) . '</strong>');
        }
        $run = self::word($report['run_id'] ?? '');
        return [
            Text::html($panel),
            Text::html(self::word($report['at'] ?? '')) . Html::runLink($run === '' ? null : $run),
            Text::html(implode(', ', $counts)),
            implode('<br>', $open),
        ];
    }

    /**
     * @param array<string, mixed> $report
     * @return array<int|string, mixed>
     */
    public static function list(array $report, string $key): array
    {
        $list = $report[$key] ?? [];
        return is_array($list) ? $list : [];
    }

    /** @param mixed $value anything of a report, as text */
    public static function word($value): string
    {
        return is_scalar($value) ? Text::oneLine((string) $value) : '';
    }
}
