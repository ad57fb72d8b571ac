<?php

declare(strict_types=1);

namespace Dciflow\Errand;

use Dciflow\Prefect\Run;
use Dciflow\Prefect\RunRequest;
use Dciflow\Request\Request;
use Dciflow\Store\Settings;

if (!defined('WHMCS')) {
    die('This file cannot be accessed directly');
}

/** Something asked for on a service after its sale, as its row says: it leaves the service's status as it is. */
final class Errand
{
    public int $id;
    public int $serviceId;
    public int $clientId;
    public string $flow;
    public string $panel;
    /** @var array<string, mixed> as sent: a repeat with the same key sends the same */
    public array $parameters;
    public string $state;
    public ?string $flowRunId;
    public string $message;
    public string $requestedBy;
    public string $token;
    public string $createdAt;
    public string $updatedAt;
    public ?string $closedAt;

    public function __construct(\stdClass $row)
    {
        $this->id = (int) $row->id;
        $this->serviceId = (int) $row->service_id;
        $this->clientId = (int) $row->client_id;
        $this->flow = (string) $row->flow;
        $this->panel = (string) $row->panel;
        $this->parameters = (array) json_decode((string) $row->parameters, true);
        $this->state = (string) $row->state;
        $this->flowRunId = $row->flow_run_id === null ? null : (string) $row->flow_run_id;
        $this->message = (string) $row->message;
        $this->requestedBy = (string) $row->requested_by;
        $this->token = (string) $row->token;
        $this->createdAt = (string) $row->created_at;
        $this->updatedAt = (string) $row->updated_at;
        $this->closedAt = $row->closed_at === null ? null : (string) $row->closed_at;
    }

    public function isOpen(): bool
    {
        return $this->state === Request::REQUESTED || $this->state === Request::RUNNING;
    }

    /** What Prefect knows its run by. */
    public function key(): string
    {
        return Settings::installation() . ':' . $this->token;
    }

    public function wanted(): RunRequest
    {
        return RunRequest::command($this->flow, $this->parameters, $this->serviceId, $this->panel, $this->clientId);
    }

    /** @return array<string, mixed> whose service it is for, as WHMCS had it when it was asked for */
    public function whose(): array
    {
        $identity = $this->parameters['identity'] ?? null;
        return ['client_id' => $this->clientId] + (is_array($identity) ? $identity : []);
    }

    /** Whether it asks for the same: who asked, and when, makes no difference. @param array<string, mixed> $own */
    public function isSame(string $flow, array $own): bool
    {
        return $this->flow === $flow && array_intersect_key($this->parameters, $own) === $own;
    }

    /** A reason, with the link to the run. */
    public function withLink(string $reason): string
    {
        return trim($reason . ' ' . ($this->flowRunId === null ? '' : Run::link($this->flowRunId)));
    }
}
