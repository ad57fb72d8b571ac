<?php

declare(strict_types=1);

namespace Dciflow;

if (!defined('WHMCS')) {
    die('This file cannot be accessed directly');
}

/** A flow run as Prefect shows it. */
final class Run
{
    // A worker that died is noticed, and its run driven again, within this time.
    private const CRASH_IS_FINAL_SECONDS = 600;
    private const FINAL = ['COMPLETED', 'FAILED', 'CANCELLED', 'CRASHED'];
    private const PREFIX = '/^Flow run encountered an exception:?\s*(?:[A-Za-z_.]*\.)?[A-Z][A-Za-z]*:\s*/';

    public string $id;
    public string $type;
    /** @var array<string, mixed> */
    private array $labels;
    private string $message;
    private int $since;

    public function __construct(Answer $answer)
    {
        $state = $answer->get('state');
        $state = is_array($state) ? $state : [];
        $labels = $answer->get('labels');
        $this->id = $answer->text('id');
        $this->type = (string) ($state['type'] ?? '');
        $this->message = (string) ($state['message'] ?? '');
        $this->since = (int) strtotime((string) ($state['timestamp'] ?? 'now'));
        $this->labels = is_array($labels) ? $labels : [];
    }

    /** A crashed run may be driven again, so it is over only after a while. */
    public function isOver(): bool
    {
        return in_array($this->type, self::FINAL, true)
            && ($this->type !== 'CRASHED' || time() - $this->since >= self::CRASH_IS_FINAL_SECONDS);
    }

    public function isDone(): bool
    {
        return $this->type === 'COMPLETED';
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
        $value = $this->labels['dciflow.' . $name] ?? '';
        return is_scalar($value) ? trim((string) $value) : '';
    }

    /** The run that goes on where this one handed over; '' for none. */
    public function next(): string
    {
        $next = $this->label('next_run');
        return preg_match('/^[0-9a-f-]{36}\z/i', $next) === 1 ? $next : '';
    }

    /** The run's page in Prefect's UI. */
    public static function link(string $id): string
    {
        return Settings::uiUrl() . '/runs/flow-run/' . rawurlencode($id);
    }
}
