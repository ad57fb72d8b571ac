<?php

declare(strict_types=1);

namespace Dciflow;

use WHMCS\Database\Capsule;

if (!defined('WHMCS')) {
    die('This file cannot be accessed directly');
}

/** Services that a person has to decide about, and the form for it. */
final class HeldServices
{
    private const DECISIONS = [
        'retry' => 'Try again',
        'release' => 'Release',
        'terminate' => 'Terminate and wipe',
    ];
    private const SECONDS = 10.0;
    private const WHY_LONGEST = 300; // characters
    private const MOMENT = '/\A\d{4}-\d\d-\d\dT[\d:.]{8,15}\+00:00\z/';

    public static function html(Reports $reports, string $page): string
    {
        [$report, $problem] = $reports->read('dciflow_held');
        if ($problem !== '') {
            return '<p>' . Text::html($problem) . '</p>';
        }
        $rows = [];
        foreach (Reports::list($report, 'services') as $service) {
            if (is_array($service)) {
                $rows[] = [
                    Text::html(Reports::word($service['service_id'] ?? '')),
                    Text::html(Reports::word($service['panel'] ?? '')),
                    Text::html(Reports::word($service['reason'] ?? '')),
                    Text::html(Reports::word($service['since'] ?? '')),
                    self::form(
                        $page,
                        Reports::word($service['service_id'] ?? ''),
                        Reports::word($service['held_at'] ?? '')
                    ),
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
        // The page may be old, and the service HELD anew for another reason: what is decided is the hold that was shown.
        $heldAt = is_string($post['held_at'] ?? null) ? $post['held_at'] : '';
        if (preg_match(self::MOMENT, $heldAt) !== 1) {
            throw new Refusal('Nothing was decided: load this page again first.');
        }
        // One key per form: pressing twice, or reloading the page, gives one run.
        $once = is_string($post['once'] ?? null) ? hash('sha256', $post['once']) : bin2hex(random_bytes(16));
        $run = (new Prefect(new Deadline(self::SECONDS)))->start(
            'decide-held',
            [
                'service_id' => $serviceId,
                'decision' => $decision,
                'who' => self::who(),
                'why' => $why,
                'held_at' => $heldAt,
            ],
            "decide-held-service-$serviceId",
            ["service:$serviceId"],
            Settings::installation() . ":decide:$serviceId:" . substr($once, 0, 32)
        );
        Whmcs::activity("$decision was decided for service $serviceId: " . Run::link($run->id));
        return "The decision for service $serviceId is being carried out: " . Run::link($run->id);
    }

    private static function form(string $page, string $serviceId, string $heldAt): string
    {
        $options = '';
        foreach (self::DECISIONS as $value => $label) {
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

    private static function who(): string
    {
        $id = (int) ($_SESSION['adminid'] ?? 0);
        $name = Capsule::table('tbladmins')->where('id', $id)->value('username');
        return Text::oneLine($name === null ? "admin $id" : (string) $name);
    }
}
