<?php

declare(strict_types=1);

namespace Dciflow\Prefect;

use Dciflow\Page\Text;
use Dciflow\Store\Settings;

if (!defined('WHMCS')) {
    die('This file cannot be accessed directly');
}

/** A flow run as Prefect shows it. */
final class Run
{
    // Within this time the run of a worker that died is found and re-queued.
    private const CRASH_IS_FINAL_SECONDS = 600;
    private const SOON_SECONDS = 30; // a run that is re-queued, or waits for a worker, is not put off
    private const FINAL = ['COMPLETED', 'FAILED', 'CANCELLED', 'CRASHED'];
    private const PREFIX = '/^Flow run encountered an exception:?\s*(?:[A-Za-z_.]*\.)?[A-Z][A-Za-z]*:\s*/';

    public string $id;
    public string $type;
    /** @var array<string, mixed> */
    private array $labels;
    private string $message;
    private string $name;
    /** @var array<string, mixed> */
    private array $parameters;
    private int $since;
    private ?int $begins;

    public function __construct(HttpResponse $response)
    {
        $state = $response->get('state');
        $state = is_array($state) ? $state : [];
        $details = is_array($state['state_details'] ?? null) ? $state['state_details'] : [];
        $begins = $details['scheduled_time'] ?? null;
        $this->begins = is_string($begins) ? (strtotime($begins) ?: null) : null;
        $labels = $response->get('labels');
        $this->id = $response->text('id');
        $this->type = (string) ($state['type'] ?? '');
        $this->message = (string) ($state['message'] ?? '');
        $this->since = (int) strtotime((string) ($state['timestamp'] ?? 'now'));
        $this->labels = is_array($labels) ? $labels : [];
        $parameters = $response->get('parameters');
        $this->parameters = is_array($parameters) ? $parameters : [];
        $this->name = $response->text('name');
    }

    /** A crashed run may be re-queued, so it counts as over only after a while. */
    public function isOver(): bool
    {
        return in_array($this->type, self::FINAL, true)
            && ($this->type !== 'CRASHED' || time() - $this->since >= self::CRASH_IS_FINAL_SECONDS);
    }

    /** When the run begins that is meant to begin later, as a suspension with a grace does; null: it is not. */
    public function putOffUntil(): ?int
    {
        $isLater = $this->type === 'SCHEDULED' && $this->begins !== null && $this->begins > time() + self::SOON_SECONDS;
        return $isLater ? $this->begins : null;
    }

    public function isDone(): bool
    {
        return $this->type === 'COMPLETED';
    }

    /** Whether this is the run that was wanted, and not one that an earlier request left under the same key. */
    public function isOf(RunRequest $wanted): bool
    {
        foreach ($wanted->identifying() as $name => $value) {
            if (self::inOrder($this->parameters[$name] ?? null) !== self::inOrder($value)) {
                return false;
            }
        }
        return $this->name === $wanted->name;
    }

    /** A value with its keys in order: Prefect's database may turn them round. @param mixed $value @return mixed */
    private static function inOrder($value)
    {
        if (is_array($value)) {
            ksort($value);
        }
        return $value;
    }

    /** Whether the flow did not do it because WHMCS wants something else by now. */
    public function isOvertaken(): bool
    {
        return $this->type === 'FAILED' && strpos($this->reason(), Contract::OVERTAKEN) === 0;
    }

    /** Why it is not done, in one line. */
    public function reason(): string
    {
        if ($this->type === 'CANCELLED') {
            return 'The run was cancelled in Prefect.';
        }
        $text = Text::oneLine((string) preg_replace(self::PREFIX, '', trim($this->message)));
        return $text !== '' ? $text : 'The run ended ' . $this->type . ' without a reason.';
    }

    /** A label that the flow set, as text; '' when it did not. */
    public function label(string $name): string
    {
        $value = $this->labels[Contract::LABEL_PREFIX . $name] ?? '';
        return is_scalar($value) ? trim((string) $value) : '';
    }

    /** The run that goes on where this one handed over; '' for none. */
    public function next(): string
    {
        $next = $this->label(Contract::LABEL_NEXT_RUN);
        return preg_match('/^[0-9a-f-]{36}\z/i', $next) === 1 ? $next : '';
    }

    /** The run's page in Prefect's UI. */
    public static function link(string $id): string
    {
        return Settings::uiUrl() . '/runs/flow-run/' . rawurlencode($id);
    }
}
