<?php

declare(strict_types=1);

namespace Dciflow\Request;

use Dciflow\Prefect\Run;
use Dciflow\Store\Settings;
use Dciflow\Store\Time;

if (!defined('WHMCS')) {
    die('This file cannot be accessed directly');
}

/** One action asked for on one service, as its row says. */
final class Request
{
    public const REQUESTED = 'requested'; // not known to be in Prefect yet
    public const RUNNING = 'running';
    public const DONE = 'done';
    public const FAILED = 'failed';
    public const CANCELLED = 'cancelled'; // overtaken by a later one, or by what WHMCS wants now
    public const WAITING = 'waiting'; // refused until the client's e-mail address is verified

    public const TOLD_NOTHING = 'none'; // the command answered with an error text, or not yet
    public const TOLD_EARLY = 'early'; // the command answered success before the end
    public const TOLD_ALL = 'final'; // WHMCS has the outcome

    public int $id;
    public int $serviceId;
    public int $clientId;
    public string $action;
    public string $panel;
    /** @var array<string, mixed> as sent: a repeat with the same key sends the same */
    public array $parameters;
    public string $state;
    public ?string $flowRunId;
    public string $message;
    public string $requestedBy;
    public string $told;
    public bool $maybeSent;
    public ?string $askedUntil;
    public string $knownBefore;
    public ?string $token;
    public string $createdAt;
    public string $updatedAt;
    public ?string $closedAt;

    public function __construct(\stdClass $row)
    {
        $this->id = (int) $row->id;
        $this->serviceId = (int) $row->service_id;
        $this->clientId = (int) $row->client_id;
        $this->action = (string) $row->action;
        $this->panel = (string) $row->panel;
        $this->parameters = (array) json_decode((string) $row->parameters, true);
        $this->state = (string) $row->state;
        $this->flowRunId = $row->flow_run_id === null ? null : (string) $row->flow_run_id;
        $this->message = (string) $row->message;
        $this->requestedBy = (string) $row->requested_by;
        $this->told = (string) $row->told;
        $this->maybeSent = (bool) $row->maybe_sent;
        $this->askedUntil = $row->asked_until === null ? null : (string) $row->asked_until;
        $this->knownBefore = (string) $row->known_before;
        $this->token = $row->token === null ? null : (string) $row->token;
        $this->createdAt = (string) $row->created_at;
        $this->updatedAt = (string) $row->updated_at;
        $this->closedAt = $row->closed_at === null ? null : (string) $row->closed_at;
    }

    /** @return array<string, mixed> whose service it is for, as WHMCS had it when it was asked for */
    public function whose(): array
    {
        $identity = $this->parameters['identity'] ?? null;
        return ['client_id' => $this->clientId] + (is_array($identity) ? $identity : []);
    }

    /** Who asked for it, with the name of a member of staff where it is known. */
    public function askedBy(): string
    {
        $who = $this->parameters['who'] ?? null;
        return is_string($who) ? "$this->requestedBy ($who)" : $this->requestedBy;
    }

    public function isOpen(): bool
    {
        return $this->state === self::REQUESTED || $this->state === self::RUNNING;
    }

    /** Whether a module call is working on it right now, and will report the outcome itself. */
    public function isAsked(): bool
    {
        return $this->askedUntil !== null && $this->askedUntil > Time::now();
    }

    /**
     * What Prefect knows its run by. The number alone comes again when WHMCS's database is restored; rows of before
     * have nothing else.
     */
    public function key(): string
    {
        return Settings::installation() . ':' . ($this->token ?? $this->id);
    }

    /** Its run's page; '' while Prefect has not taken it. */
    public function link(): string
    {
        return $this->flowRunId === null ? '' : Run::link($this->flowRunId);
    }

    /** A reason, with the link to the run. */
    public function withLink(string $reason): string
    {
        return trim($reason . ' ' . $this->link());
    }
}
