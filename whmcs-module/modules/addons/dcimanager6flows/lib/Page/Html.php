<?php

declare(strict_types=1);

namespace Dciflow\Page;

use Dciflow\Prefect\Run;
use Dciflow\Store\Settings;

if (!defined('WHMCS')) {
    die('This file cannot be accessed directly');
}

/** Pieces of the admin's pages. */
final class Html
{
    public static function runLink(?string $flowRunId): string
    {
        if ($flowRunId === null) {
            return '';
        }
        return ' <a href="' . Text::html(Run::link($flowRunId)) . '" target="_blank" rel="noopener">open the run</a>';
    }

    /**
     * A table of cells that are HTML already.
     *
     * @param list<string> $head plain text
     * @param list<list<string>> $rows
     */
    public static function table(array $head, array $rows, string $empty): string
    {
        if ($rows === []) {
            return '<p>' . Text::html($empty) . '</p>';
        }
        $html = '<table class="table table-striped datatable" width="100%"><thead><tr>';
        foreach ($head as $name) {
            $html .= '<th>' . Text::html($name) . '</th>';
        }
        $html .= '</tr></thead><tbody>';
        foreach ($rows as $row) {
            $html .= '<tr><td>' . implode('</td><td>', $row) . '</td></tr>';
        }
        return $html . '</tbody></table>';
    }

    public static function notice(string $text, bool $isGood): string
    {
        $class = $isGood ? 'alert alert-success successbox' : 'alert alert-danger errorbox';
        return "<div class=\"$class\">" . self::linked($text) . '</div>';
    }

    /** A form with WHMCS's token; `$inside` is HTML. */
    public static function form(string $page, string $task, string $inside): string
    {
        $token = function_exists('generate_token') ? (string) generate_token('form') : '';
        return '<form method="post" action="' . Text::html($page) . '">' . $token
            . '<input type="hidden" name="task" value="' . Text::html($task) . '">' . $inside . '</form>';
    }

    public static function hidden(string $name, string $value): string
    {
        return '<input type="hidden" name="' . Text::html($name) . '" value="' . Text::html($value) . '">';
    }

    /** A link to a service's page. */
    public static function service(int $serviceId, int $clientId): string
    {
        $href = "clientsservices.php?userid=$clientId&amp;id=$serviceId";
        return "<a href=\"$href\">" . $serviceId . '</a>';
    }

    /** Plain text as HTML, with the links to runs made clickable. */
    public static function linked(string $text): string
    {
        $run = '~' . preg_quote(Text::html(Settings::uiUrl()), '~') . '/runs/flow-run/[0-9a-f-]{36}~';
        $link = '<a href="$0" target="_blank" rel="noopener">open the run</a>';
        return (string) preg_replace($run, $link, Text::html($text));
    }
}
