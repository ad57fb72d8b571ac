<?php

declare(strict_types=1);

namespace Dciflow\Page;

use Dciflow\Prefect\Prefect;
use Dciflow\Prefect\Run;
use Dciflow\Prefect\RunRequest;
use Dciflow\Request\Deadline;
use Dciflow\Request\Refusal;
use Dciflow\Store\Panels;
use Dciflow\Store\Settings;
use Dciflow\Whmcs\ModuleParams;
use Dciflow\Whmcs\WhmcsService;
use WHMCS\Database\Capsule;

if (!defined('WHMCS')) {
    die('This file cannot be accessed directly');
}

/** Adopts the services of ISPsystem's own module into the ledger; the run `adopt` looks first and says what it sees. */
final class Importer
{
    private const SOURCE = 'mod_ispsystem'; // serviceid, external_id: the server's id on the panel
    private const SECONDS = 10.0;
    private const SERVICES_PER_RUN = 500; // what fits into one call of the door (docs/limits.md)

    public static function html(string $page): string
    {
        if (!Capsule::schema()->hasTable(self::SOURCE)) {
            return '<p>There is no table of ISPsystem\'s module here: nothing to import.</p>';
        }
        [$panels, $left, $shown] = self::services();
        $rows = [];
        foreach ($panels as $panel => $services) {
            foreach ($services as $service) {
                $rows[] = [
                    Html::service($service['service_id'], $service['client_id']),
                    Text::html((string) $service['server_id']),
                    Text::html((string) $panel),
                    $service['suspended'] ? WhmcsService::SUSPENDED : WhmcsService::ACTIVE,
                    Text::html($shown[$service['service_id']] ?? ''),
                ];
            }
        }
        $buttons = $rows === [] ? '' :
            Html::form($page, 'import-preview', '<button class="btn btn-default">Preview</button>')
            . Html::form($page, 'import', '<button class="btn btn-primary">Import</button>');
        $skipped = $left === 0 ? '' : "<p>$left more are left out: not Active, Suspended or Completed, or without a server.</p>";
        return Html::table(['Service', 'Server', 'Panel', 'Status', 'In WHMCS'], $rows, 'No service can be imported.')
            . $skipped . $buttons;
    }

    /** Start an `adopt` run for each panel, or several where it has many services. */
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
            foreach (array_chunk($services, self::SERVICES_PER_RUN) as $some) {
                $key = Settings::installation() . ':adopt:' . bin2hex(random_bytes(8));
                $run = $prefect->start(RunRequest::adoption($panel, $some, $apply, ModuleParams::staffName()), $key);
                $said[] = "$panel: " . Run::link($run->id);
            }
        }
        $what = $apply ? 'The import has started: ' : 'The preview is being made, its run shows it: ';
        return $what . implode(' ', $said);
    }

    /**
     * What can be adopted, by panel; how many rows cannot; and each service's addresses and host name, one of which has
     * to be its server's.
     *
     * @return array{0: array<string, list<array<string, int|bool>>>, 1: int, 2: array<int, string>}
     */
    private static function services(): array
    {
        $rows = Capsule::table(self::SOURCE)
            ->join('tblhosting', 'tblhosting.id', '=', self::SOURCE . '.serviceid')
            ->select('tblhosting.id', 'userid', 'server', 'domainstatus', 'external_id')
            ->addSelect('dedicatedip', 'assignedips', 'domain')
            ->orderBy('tblhosting.id')->get();
        $panels = [];
        $shown = [];
        $left = Capsule::table(self::SOURCE)->count() - count($rows);
        foreach ($rows as $row) {
            $isNumber = preg_match('/\A[1-9]\d{0,8}\z/', (string) $row->external_id) === 1;
            if (!$isNumber || (int) $row->server === 0 || !in_array($row->domainstatus, WhmcsService::IN_USE, true)) {
                $left++;
                continue;
            }
            $shown[(int) $row->id] = trim(Text::oneLine("$row->dedicatedip $row->assignedips $row->domain"));
            $panels[Panels::name((int) $row->server)][] = RunRequest::adoptee(
                (int) $row->id,
                (int) $row->userid,
                (int) $row->external_id,
                $row->domainstatus === WhmcsService::SUSPENDED
            );
        }
        return [$panels, $left, $shown];
    }
}
