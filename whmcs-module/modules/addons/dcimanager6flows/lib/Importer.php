<?php

declare(strict_types=1);

namespace Dciflow;

use WHMCS\Database\Capsule;

if (!defined('WHMCS')) {
    die('This file cannot be accessed directly');
}

/** Adopts the services of ISPsystem's own module into the ledger; the run `adopt` looks first and says what it sees. */
final class Importer
{
    private const SOURCE = 'mod_ispsystem'; // serviceid, external_id: the server's id on the panel
    private const SECONDS = 10.0;
    private const LIVING = ['Active', 'Suspended'];

    public static function html(string $page): string
    {
        if (!Capsule::schema()->hasTable(self::SOURCE)) {
            return '<p>There is no table of ISPsystem\'s module here: nothing to import.</p>';
        }
        [$panels, $left] = self::services();
        $rows = [];
        foreach ($panels as $panel => $services) {
            foreach ($services as $service) {
                $rows[] = [
                    Html::service($service['service_id'], $service['client_id']),
                    Text::html((string) $service['server_id']),
                    Text::html((string) $panel),
                    $service['suspended'] ? 'Suspended' : 'Active',
                ];
            }
        }
        $buttons = $rows === [] ? '' :
            Html::form($page, 'import-preview', '<button class="btn btn-default">Preview</button>')
            . Html::form($page, 'import', '<button class="btn btn-primary">Import</button>');
        $skipped = $left === 0 ? '' : "<p>$left more are left out: not Active or Suspended, or without a server.</p>";
        return Html::table(['Service', 'Server', 'Panel', 'Status'], $rows, 'No service can be imported.')
            . $skipped . $buttons;
    }

    /** Start one `adopt` run per panel. */
    public static function run(bool $apply): string
    {
        [$panels] = Capsule::schema()->hasTable(self::SOURCE) ? self::services() : [[]];
        if ($panels === []) {
            throw new Refusal('No service can be imported.');
        }
        $prefect = new Prefect(new Deadline(self::SECONDS));
        $said = [];
        foreach ($panels as $panel => $services) {
            $panel = (string) $panel;
            $parameters = ['panel' => $panel, 'services' => $services, 'apply' => $apply];
            $key = Settings::installation() . ':adopt:' . bin2hex(random_bytes(8));
            $run = $prefect->start('adopt', $parameters, "adopt-$panel", ["panel:$panel"], $key);
            $said[] = "$panel: " . Run::link($run->id);
        }
        $what = $apply ? 'The import has started: ' : 'The preview is being made, its run shows it: ';
        return $what . implode(' ', $said);
    }

    /**
     * What can be adopted, by panel, and how many rows cannot.
     *
     * @return array{0: array<string, list<array<string, int|bool>>>, 1: int}
     */
    private static function services(): array
    {
        $rows = Capsule::table(self::SOURCE)
            ->join('tblhosting', 'tblhosting.id', '=', self::SOURCE . '.serviceid')
            ->select('tblhosting.id', 'userid', 'server', 'domainstatus', 'external_id')
            ->orderBy('tblhosting.id')->get();
        $panels = [];
        $left = Capsule::table(self::SOURCE)->count() - count($rows);
        foreach ($rows as $row) {
            $isNumber = preg_match('/\A[1-9]\d{0,8}\z/', (string) $row->external_id) === 1;
            if (!$isNumber || (int) $row->server === 0 || !in_array($row->domainstatus, self::LIVING, true)) {
                $left++;
                continue;
            }
            $panels[Panels::name((int) $row->server)][] = [
                'service_id' => (int) $row->id,
                'client_id' => (int) $row->userid,
                'server_id' => (int) $row->external_id,
                'suspended' => $row->domainstatus === Hosting::SUSPENDED,
            ];
        }
        return [$panels, $left];
    }
}
