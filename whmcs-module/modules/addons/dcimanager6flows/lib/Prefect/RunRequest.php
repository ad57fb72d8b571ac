<?php

declare(strict_types=1);

namespace Dciflow\Prefect;

use Dciflow\Store\Time;

if (!defined('WHMCS')) {
    die('This file cannot be accessed directly');
}

/** A run to be started: the flow, its parameters, and the name and tags that staff find it by. */
final class RunRequest
{
    public string $flow;
    /** @var array<string, mixed> exactly the flow's own; plain text, numbers, booleans and lists of them */
    public array $parameters;
    public string $name;
    /** @var list<string> */
    public array $tags;

    /**
     * @param array<string, mixed> $parameters
     * @param list<string> $tags
     */
    private function __construct(string $flow, array $parameters, string $name, array $tags)
    {
        $this->flow = $flow;
        $this->parameters = $parameters;
        $this->name = $name;
        $this->tags = $tags;
    }

    /**
     * A run for one of WHMCS's four commands. Its parameters are kept with the request: a repeat sends the same.
     *
     * @param array<string, mixed> $parameters of `parameters`
     */
    public static function command(
        string $flow,
        array $parameters,
        int $serviceId,
        string $panel,
        int $clientId
    ): self {
        $tags = [self::serviceTag($serviceId), self::panelTag($panel), "client:$clientId"];
        return new self($flow, $parameters, self::nameOf($flow, $serviceId), $tags);
    }

    /**
     * The parameters that make a run this request's own: whose service, what was asked of it, and when. As they come
     * back from Prefect.
     *
     * @return array<string, mixed>
     */
    public function identifying(): array
    {
        $names = array_flip(['service_id', 'panel', 'asked_at', 'identity', 'held_at']);
        return array_intersect_key($this->parameters, $names);
    }

    /**
     * The parameters of such a run, asked for now.
     *
     * @param array<string, int|string|null> $identity of `WhmcsService::identity`
     * @param array<string, mixed>|null $order of an activation only
     * @param array<string, bool|string>|null $wish of `WhmcsService::wish`, of what takes away only
     * @param string|null $who the member of staff who asks
     * @return array<string, mixed>
     */
    public static function parameters(
        int $serviceId,
        string $panel,
        string $requestedBy,
        array $identity,
        ?array $order,
        ?array $wish = null,
        ?string $who = null
    ): array {
        $parameters = [
            'service_id' => $serviceId,
            'panel' => $panel,
            'requested_by' => $requestedBy,
            'identity' => $identity,
            'asked_at' => Time::iso(Time::now()),
        ];
        $more = ['wish' => $wish, 'order' => $order, 'who' => $who];
        return $parameters + array_filter($more, static fn ($given): bool => $given !== null);
    }

    /**
     * The parameters of an errand, asked for now.
     *
     * @param array<string, int|string|null> $identity of `WhmcsService::identity`
     * @param array<string, mixed> $own what this errand has beside what all have
     * @param string|null $who the member of staff who asks
     * @return array<string, mixed>
     */
    public static function errand(
        int $serviceId,
        string $panel,
        string $requestedBy,
        array $identity,
        array $own,
        ?string $who = null
    ): array {
        return self::parameters($serviceId, $panel, $requestedBy, $identity, null, null, $who) + $own;
    }

    /** The run that carries out what staff decided about the hold that began at `$heldAt`. */
    public static function decision(
        int $serviceId,
        string $decision,
        string $who,
        string $why,
        string $heldAt
    ): self {
        $parameters = [
            'service_id' => $serviceId,
            'decision' => $decision,
            'who' => $who,
            'why' => $why,
            'held_at' => $heldAt,
        ];
        $name = self::nameOf(Contract::DECIDE_HELD, $serviceId);
        return new self(Contract::DECIDE_HELD, $parameters, $name, [self::serviceTag($serviceId)]);
    }

    /** The run that says whether a panel is ready. */
    public static function panelCheck(string $panel): self
    {
        $name = Contract::CHECK_PANEL . "-$panel";
        return new self(Contract::CHECK_PANEL, ['panel' => $panel], $name, [self::panelTag($panel)]);
    }

    /**
     * The run that adopts services; without `$apply` it only looks.
     *
     * @param list<array<string, int|bool>> $services of `adoptee`
     */
    public static function adoption(string $panel, array $services, bool $apply, string $who): self
    {
        $parameters = ['panel' => $panel, 'services' => $services, 'apply' => $apply, 'who' => $who];
        return new self(Contract::ADOPT, $parameters, Contract::ADOPT . "-$panel", [self::panelTag($panel)]);
    }

    /** @return array{installation: string, client_id: int, order_id: ?int, registered: ?string} */
    public static function identity(string $installation, int $clientId, ?int $orderId, ?string $registered): array
    {
        return [
            'installation' => $installation,
            'client_id' => $clientId,
            'order_id' => $orderId,
            'registered' => $registered,
        ];
    }

    /**
     * What WHMCS shows of a service while it asks. told_at_end: its status changes when the run has ended, not before.
     *
     * @return array{status: string, next_due: string, told_at_end: bool}
     */
    public static function wish(string $status, string $nextDue, bool $isToldAtEnd): array
    {
        return ['status' => $status, 'next_due' => $nextDue, 'told_at_end' => $isToldAtEnd];
    }

    /** @return array{service_id: int, client_id: int, server_id: int, suspended: bool} */
    public static function adoptee(int $serviceId, int $clientId, int $serverId, bool $isSuspended): array
    {
        return [
            'service_id' => $serviceId,
            'client_id' => $clientId,
            'server_id' => $serverId,
            'suspended' => $isSuspended,
        ];
    }

    /** What the run of a flow for a service is called. */
    public static function nameOf(string $flow, int $serviceId): string
    {
        return "$flow-service-$serviceId";
    }

    private static function serviceTag(int $serviceId): string
    {
        return "service:$serviceId";
    }

    private static function panelTag(string $panel): string
    {
        return "panel:$panel";
    }
}
