<?php

declare(strict_types=1);

namespace Dciflow\Page;

use Dciflow\Prefect\Contract;
use Dciflow\Prefect\Prefect;
use Dciflow\Prefect\Run;
use Dciflow\Prefect\RunRequest;
use Dciflow\Request\Deadline;
use Dciflow\Request\Refusal;
use Dciflow\Store\Reports;
use Dciflow\Store\Settings;
use Dciflow\Whmcs\ModuleParams;
use Dciflow\Whmcs\Whmcs;

if (!defined('WHMCS')) {
    die('This file cannot be accessed directly');
}

/**
 * Services that a person has to decide about: a form for what may be decided here, and the command for the rest.
 *
 * What wipes a server, gives it away or passes a cap is never decided through WHMCS; the flow refuses it, too.
 */
final class HeldServices
{
    private const DECISIONS = [
        Contract::DECISION_RETRY => 'Try again',
        Contract::DECISION_RELEASE => 'Release',
    ];
    private const KEY_DECISIONS = 'decisions'; // of a service in the report: what may be decided here
    private const KEY_WAYS = 'ways'; // and all that fits its reason
    private const SECONDS = 10.0;
    private const WHY_LONGEST = 300; // characters
    private const WAY = '/\A[a-z-]{1,30}(?: --[a-z-]{1,30})?\z/';
    private const MOMENT = '/\A\d{4}-\d\d-\d\dT[\d:.]{8,15}\+00:00\z/';

    public static function html(Reports $reports, string $page): string
    {
        [$report, $problem] = $reports->read(Contract::VARIABLE_HELD);
        if ($problem !== '') {
            return '<p>' . Text::html($problem) . '</p>';
        }
        $rows = [];
        foreach (Reports::list($report, Contract::LIST_SERVICES) as $service) {
            if (is_array($service)) {
                $id = Reports::word($service['service_id'] ?? '');
                $here = self::decidedHere($service);
                $form = $here === [] ? '' : self::form($page, $id, Reports::word($service['held_at'] ?? ''), $here);
                $rows[] = [
                    Text::html($id),
                    Text::html(Reports::word($service['panel'] ?? '')),
                    Text::html(Reports::word($service['reason'] ?? '')),
                    Text::html(Reports::word($service['since'] ?? '')),
                    $form . self::commands((int) $id, Reports::list($service, self::KEY_WAYS), $here),
                ];
            }
        }
        $total = (int) Reports::word($report['total'] ?? 0);
        $more = $total > count($rows) ? '<p>' . ($total - count($rows)) . ' more: see `dciflow held list`.</p>' : '';
        return Html::table(['Service', 'Panel', 'Reason', 'Since', 'Decide'], $rows, 'No service is HELD.') . $more;
    }

    /**
     * Start the run that carries a decision out.
     *
     * @param array<string, mixed> $post
     * @throws Refusal the form is not filled in
     */
    public static function decide(array $post): string
    {
        $serviceId = is_scalar($post['service_id'] ?? null) ? (int) $post['service_id'] : 0;
        $decision = is_string($post['decision'] ?? null) ? $post['decision'] : '';
        $why = is_string($post['why'] ?? null) ? Text::cut(Text::oneLine($post['why']), self::WHY_LONGEST) : '';
        if ($serviceId <= 0 || !isset(self::DECISIONS[$decision]) || $why === '') {
            throw new Refusal('Nothing was decided: choose a decision and write why.');
        }
        // The decision is about the hold that the page showed; by now the service may be HELD for another reason.
        $heldAt = is_string($post['held_at'] ?? null) ? $post['held_at'] : '';
        if (preg_match(self::MOMENT, $heldAt) !== 1) {
            throw new Refusal('Nothing was decided: load this page again first.');
        }
        // One key per form: pressing twice, or reloading the page, gives one run.
        $once = is_string($post['once'] ?? null) ? hash('sha256', $post['once']) : bin2hex(random_bytes(16));
        $run = (new Prefect(new Deadline(self::SECONDS)))->start(
            RunRequest::decision($serviceId, $decision, ModuleParams::staffName(), $why, $heldAt),
            Settings::installation() . ":decide:$serviceId:" . substr($once, 0, 32)
        );
        Whmcs::activity("$decision was decided for service $serviceId: " . Run::link($run->id));
        return "The decision for service $serviceId is being carried out: " . Run::link($run->id);
    }

    /**
     * What the report lets be decided here. A flow of before this list says nothing: then both, and it refuses by itself.
     *
     * @param array<string, mixed> $service
     * @return array<string, string>
     */
    private static function decidedHere(array $service): array
    {
        if (!isset($service[self::KEY_DECISIONS])) {
            return self::DECISIONS;
        }
        $named = array_filter(Reports::list($service, self::KEY_DECISIONS), 'is_string');
        return array_intersect_key(self::DECISIONS, array_flip($named));
    }

    /**
     * The commands for what is decided elsewhere.
     *
     * @param array<int|string, mixed> $ways
     * @param array<string, string> $here
     */
    private static function commands(int $serviceId, array $ways, array $here): string
    {
        $lines = [];
        foreach ($ways as $way) {
            if (is_string($way) && preg_match(self::WAY, $way) === 1 && !isset($here[$way])) {
                [$decision, $option] = explode(' ', "$way ", 2);
                $typed = trim("dciflow held $decision $serviceId $option");
                $lines[] = '<code>' . Text::html("$typed --why \"...\"") . '</code>';
            }
        }
        $show = '<code>' . Text::html("dciflow held show $serviceId") . '</code>';
        return '<p>' . ($lines === [] ? "All else: $show" : 'On the worker: ' . implode(' or ', $lines)) . '</p>';
    }

    /** @param array<string, string> $decisions what may be decided, with its label */
    private static function form(string $page, string $serviceId, string $heldAt, array $decisions): string
    {
        $options = '';
        foreach ($decisions as $value => $label) {
            $options .= '<option value="' . Text::html($value) . '">' . Text::html($label) . '</option>';
        }
        return Html::form(
            $page,
            'decide',
            Html::hidden('service_id', $serviceId) . Html::hidden('held_at', $heldAt)
            . Html::hidden('once', bin2hex(random_bytes(16)))
            . '<select name="decision" required><option value="">choose</option>' . $options . '</select> '
            . '<input name="why" required maxlength="' . self::WHY_LONGEST . '" placeholder="why"> '
            . '<button class="btn btn-default">Decide</button>'
        );
    }
}
