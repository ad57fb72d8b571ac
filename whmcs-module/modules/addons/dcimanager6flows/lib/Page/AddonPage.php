<?php

declare(strict_types=1);

namespace Dciflow\Page;

use Dciflow\Prefect\Prefect;
use Dciflow\Request\Deadline;
use Dciflow\Request\ErrorBoundary;
use Dciflow\Request\Requests;
use Dciflow\Store\InstallationCheck;
use Dciflow\Store\Reports;
use Dciflow\Store\Schema;
use Dciflow\Store\Settings;
use Dciflow\Store\StockNotes;
use Dciflow\Store\Time;
use Dciflow\Whmcs\ModuleParams;
use Dciflow\Whmcs\Whmcs;

if (!defined('WHMCS')) {
    die('This file cannot be accessed directly');
}

/** The addon's page: what runs and failed, the stock, what is HELD, the last reconciliations, and the importer. */
final class AddonPage
{
    private const SHOWN = 50;
    private const SECONDS = 8.0;

    private string $link;

    private function __construct(string $link)
    {
        $this->link = $link;
    }

    /** @param array<string, mixed> $vars as WHMCS passes them to _output */
    public static function html(array $vars): string
    {
        $page = new self((string) ($vars['modulelink'] ?? 'addonmodules.php?module=' . Settings::ADDON));
        $html = '';
        $problem = ErrorBoundary::text(static function () use ($page, &$html): string {
            Schema::ensure();
            $html = $page->task() . $page->whole();
            return '';
        });
        return $problem === '' ? $html : Html::notice($problem, false) . $html;
    }

    /** Run the task that a form names; only those of the list below exist. */
    private function task(): string
    {
        $isPost = ($_SERVER['REQUEST_METHOD'] ?? '') === 'POST';
        $task = $isPost && is_string($_POST['task'] ?? null) ? $_POST['task'] : '';
        $tasks = [
            'test' => static function (): string {
                return self::test();
            },
            'decide' => static function (): string {
                return HeldServices::decide($_POST);
            },
            'move' => static function (): string {
                return InstallationCheck::moveHere();
            },
            'import-preview' => static function (): string {
                return Importer::run(false);
            },
            'import' => static function (): string {
                return Importer::run(true);
            },
        ];
        if (!isset($tasks[$task])) {
            return '';
        }
        if (function_exists('check_token')) {
            check_token('WHMCS.admin.default');
        }
        if (!ModuleParams::isStaff()) {
            return Html::notice('Only staff may do this, who are logged in to WHMCS\'s admin area.', false);
        }
        $isGood = false;
        $said = ErrorBoundary::text(static function () use ($tasks, $task, &$isGood): string {
            $said = $tasks[$task]();
            $isGood = true;
            return $said;
        });
        return Html::notice($said, $isGood);
    }

    private function whole(): string
    {
        if (!InstallationCheck::isOriginal()) {
            $button = '<button class="btn btn-danger">It has moved: drive its services from here</button>';
            return Html::notice(InstallationCheck::reason(), false) . Html::form($this->link, 'move', $button);
        }
        $reports = new Reports(new Deadline(self::SECONDS));
        return '<h2>Prefect</h2><p>' . Text::html(Settings::apiUrl() ?: 'The Prefect API address is not set.')
            . ', this installation is ' . Text::html(Settings::installation()) . '</p>'
            . Html::form($this->link, 'test', '<button class="btn btn-default">Test</button>')
            . '<h2>Open and failed requests</h2>' . self::requests()
            . '<h2>Stock</h2>' . StockNotes::html()
            . '<h2>Held services</h2>' . HeldServices::html($reports, $this->link)
            . '<h2>Reconciliation</h2>' . $reports->reconciliations()
            . '<h2>Import from the ISPsystem module</h2>' . Importer::html($this->link);
    }

    private static function test(): string
    {
        $prefect = new Prefect(new Deadline(self::SECONDS));
        foreach (array_keys(Whmcs::FUNCTIONS) as $flow) {
            $prefect->deployment($flow);
        }
        return 'Prefect answers and has the deployments.';
    }

    private static function requests(): string
    {
        $rows = [];
        $shown = Requests::toShow(self::SHOWN + 1); // one more tells that there are more
        foreach (array_slice($shown, 0, self::SHOWN) as $request) {
            $rows[] = [
                Html::service($request->serviceId, $request->clientId),
                Text::html($request->action),
                Text::html($request->state),
                Text::html(Time::words(Time::age($request->createdAt))),
                Text::html($request->askedBy()),
                Text::html($request->message) . Html::runLink($request->flowRunId),
            ];
        }
        $head = ['Service', 'Action', 'State', 'Age', 'Asked by', 'What happened'];
        $more = count($shown) <= self::SHOWN ? ''
            : '<p>Older ones are not shown: these are the youngest ' . self::SHOWN . '.</p>';
        return Html::table($head, $rows, 'Nothing is open, and nothing failed in the last seven days.') . $more;
    }
}
