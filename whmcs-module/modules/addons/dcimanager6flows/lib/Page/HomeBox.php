<?php

declare(strict_types=1);

namespace Dciflow\Page;

use Dciflow\Request\Requests;
use Dciflow\Store\InstallationCheck;
use Dciflow\Store\Overview;
use Dciflow\Store\Schema;
use Dciflow\Store\Settings;
use Dciflow\Store\StockNotes;
use Dciflow\Store\Time;

if (!defined('WHMCS')) {
    die('This file cannot be accessed directly');
}

/** What staff have to know at a glance, a line each: what waits for a person comes with a word, not by its colour alone. */
final class HomeBox
{
    private const GOOD = ['success', 'good'];
    private const LOOK = ['warning', 'look'];
    private const ACT = ['danger', 'act'];
    private const QUIET_SECONDS = 7200; // panels are compared every 15 minutes
    private const SILENT_SECONDS = 900; // the cron asks every five minutes, and one answer may be lost

    public static function html(): string
    {
        Schema::ensure();
        $page = '<p><a href="addonmodules.php?module=' . Settings::ADDON . '">Requests, held services, differences</a></p>';
        if (!InstallationCheck::isOriginal()) {
            return self::table([[self::ACT, InstallationCheck::reason()]]) . $page;
        }
        $overview = Overview::kept();
        $lines = array_merge(
            [self::prefect($overview), self::requests(), self::held($overview)],
            self::panels($overview),
            self::stock()
        );
        return self::table($lines) . $page;
    }

    /** @return array{0: array{0: string, 1: string}, 1: string} */
    private static function prefect(Overview $overview): array
    {
        if (Settings::apiUrl() === '') {
            return [self::LOOK, 'Prefect is not connected yet: fill in the addon\'s settings.'];
        }
        if ($overview->silent !== '') {
            $since = Time::words(Time::age($overview->silent));
            return [self::ACT, "Prefect has not answered for $since, and orders wait for it. $overview->problem"];
        }
        if ($overview->heard === '') {
            return [self::LOOK, 'WHMCS\'s cron has not asked Prefect yet.'];
        }
        $age = Time::age($overview->heard);
        $word = Time::words($age);
        return $age > self::SILENT_SECONDS
            ? [self::ACT, "Prefect was last asked $word ago: look whether WHMCS's cron runs."]
            : [self::GOOD, "Prefect answered $word ago."];
    }

    /** @return array{0: array{0: string, 1: string}, 1: string} */
    private static function requests(): array
    {
        [$running, $notThere, $failed] = Requests::counted();
        $text = "Requests: $running running, $notThere not with Prefect yet, $failed failed in seven days.";
        return [$failed > 0 ? self::ACT : ($notThere > 0 ? self::LOOK : self::GOOD), $text];
    }

    /** @return array{0: array{0: string, 1: string}, 1: string} */
    private static function held(Overview $overview): array
    {
        return $overview->held > 0
            ? [self::ACT, "Services that wait for a person's decision: $overview->held."]
            : [self::GOOD, 'No service waits for a person\'s decision.'];
    }

    /** @return list<array{0: array{0: string, 1: string}, 1: string}> */
    private static function panels(Overview $overview): array
    {
        $lines = [];
        $open = 0;
        foreach ($overview->panels as $name => $panel) {
            $open += $panel['open'];
            if ($panel['stopped'] !== '') {
                $lines[] = [self::ACT, "Panel $name could not be compared: " . $panel['stopped']];
            } elseif ($panel['at'] === '') {
                $lines[] = [self::LOOK, "Panel $name has not been compared yet."];
            } elseif (($seconds = time() - (int) strtotime($panel['at'])) > self::QUIET_SECONDS) {
                $age = Time::words($seconds);
                $lines[] = [self::ACT, "Panel $name was last compared $age ago: look whether a worker runs (dciflow doctor)."];
            }
        }
        if ($open > 0) {
            $lines[] = [self::LOOK, "Differences between WHMCS, the ledger and the panels: $open."];
        } elseif ($lines === [] && $overview->panels !== []) { // of a panel that nobody looked at nothing is known
            $lines[] = [self::GOOD, 'There are no differences between WHMCS, the ledger and the panels.'];
        }
        return $lines;
    }

    /** @return list<array{0: array{0: string, 1: string}, 1: string}> */
    private static function stock(): array
    {
        $short = StockNotes::short();
        return $short === [] ? [] : [[self::LOOK, 'Stock: ' . implode(', ', $short) . '.']];
    }

    /** @param list<array{0: array{0: string, 1: string}, 1: string}> $lines a label's class and word, and plain text */
    private static function table(array $lines): string
    {
        $html = '';
        foreach ($lines as [[$class, $word], $text]) {
            $html .= "<tr><td><span class=\"label label-$class\">$word</span></td><td>"
                . Text::html(Text::oneLine($text)) . '</td></tr>';
        }
        return '<table class="table table-condensed">' . $html . '</table>';
    }
}
