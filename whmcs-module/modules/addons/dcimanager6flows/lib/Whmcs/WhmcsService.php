<?php

declare(strict_types=1);

namespace Dciflow\Whmcs;

use Dciflow\Prefect\Contract;
use Dciflow\Prefect\RunRequest;
use Dciflow\Request\Request;
use Dciflow\Request\Requests;
use Dciflow\Store\ServiceCache;
use Dciflow\Store\Settings;
use WHMCS\Database\Capsule;

if (!defined('WHMCS')) {
    die('This file cannot be accessed directly');
}

/** A service as WHMCS has it (a row of tblhosting), and the two changes of its status that we make. */
final class WhmcsService
{
    public const PENDING = 'Pending';
    public const ACTIVE = 'Active';
    public const SUSPENDED = 'Suspended';
    public const COMPLETED = 'Completed';
    public const TERMINATED = 'Terminated';
    public const CANCELLED = 'Cancelled';
    public const FRAUD = 'Fraud';
    /** Its client has the server's data; a Completed one is a one-time product, paid for good. */
    public const IN_USE = [self::ACTIVE, self::SUSPENDED, self::COMPLETED];
    public const OVER = [self::TERMINATED, self::CANCELLED, self::FRAUD];

    public int $id;
    public int $clientId;
    public int $productId;
    public string $status;
    private string $dedicatedIp;
    private string $assignedIps;
    private string $nextDue;
    private bool $isNeverSuspended;
    private string $notSuspendedUntil;
    private int $orderId;
    private string $registered;

    private function __construct(\stdClass $row)
    {
        $this->id = (int) $row->id;
        $this->clientId = (int) $row->userid;
        $this->productId = (int) $row->packageid;
        $this->status = (string) $row->domainstatus;
        $this->dedicatedIp = (string) ($row->dedicatedip ?? '');
        $this->assignedIps = (string) ($row->assignedips ?? '');
        $this->nextDue = (string) ($row->nextduedate ?? '');
        // WHMCS's own spelling.
        $isNever = strtolower((string) ($row->overideautosuspend ?? ''));
        $this->isNeverSuspended = in_array($isNever, ['1', 'on', 'true'], true);
        $this->notSuspendedUntil = (string) ($row->overidesuspenduntil ?? '');
        $this->orderId = (int) ($row->orderid ?? 0);
        $this->registered = (string) ($row->regdate ?? '');
    }

    public static function find(int $serviceId): ?self
    {
        $row = Capsule::table('tblhosting')->where('id', $serviceId)->first();
        return $row === null ? null : new self($row);
    }

    /**
     * What WHMCS says of it that does not come again when its number does.
     *
     * @return array{installation: string, client_id: int, order_id: ?int, registered: ?string}
     */
    public function identity(): array
    {
        return RunRequest::identity(
            Settings::installation(),
            $this->clientId,
            $this->orderId > 0 ? $this->orderId : null,
            // WHMCS writes zeros for no date, and staff can empty it.
            self::day($this->registered) ?: null
        );
    }

    /**
     * Whether this is whose it is; what one side does not know is not compared.
     *
     * @param array<string, mixed> $whose client_id, order_id, registered
     */
    public function hasIdentity(array $whose): bool
    {
        return !self::differ($this->identity(), $whose);
    }

    /**
     * Whether two services that had one number are not the same one.
     *
     * @param array<string, mixed> $one
     * @param array<string, mixed> $other
     */
    public static function differ(array $one, array $other): bool
    {
        foreach (['client_id', 'order_id', 'registered'] as $what) {
            $here = $one[$what] ?? null;
            $there = $other[$what] ?? null;
            if ($here !== null && $there !== null && (string) $here !== (string) $there) {
                return true;
            }
        }
        return false;
    }

    /**
     * What a run that begins late, and a wipe, compare WHMCS's row with.
     *
     * @return array{status: string, next_due: string, told_at_end: bool}
     */
    public function wish(): array
    {
        return RunRequest::wish($this->status, self::day($this->nextDue), Settings::strict());
    }

    /** Why WHMCS would not suspend it now, in the words "Overtaken by ..."; '' when it would. */
    public function notSuspended(bool $isStaffsWish): string
    {
        if ($this->status === self::SUSPENDED) {
            return '';
        }
        $nextDue = self::day($this->nextDue);
        if ($isStaffsWish || !in_array($this->status, [self::ACTIVE, self::COMPLETED], true)) {
            return "the service's being $this->status";
        }
        if ($nextDue === '' || $nextDue >= date('Y-m-d')) {
            return 'a payment';
        }
        $until = self::day($this->notSuspendedUntil);
        if ($this->isNeverSuspended && ($until === '' || $until >= date('Y-m-d'))) {
            return "staff's Override Auto-Suspend";
        }
        return $this->isOfExemptClient() ? "the client group's exemption" : '';
    }

    /** Whether the client is of a group that is exempt from suspension and termination. */
    private function isOfExemptClient(): bool
    {
        if (!Capsule::schema()->hasTable('tblclientgroups')) {
            return false;
        }
        $group = (int) Capsule::table('tblclients')->where('id', $this->clientId)->value('groupid');
        $exempt = (string) Capsule::table('tblclientgroups')->where('id', $group)->value('susptermexempt');
        return in_array(strtolower($exempt), ['on', '1'], true);
    }

    /** A day as WHMCS writes it; '' for the zeros that it writes for none. */
    private static function day(string $written): string
    {
        return (int) $written > 0 ? substr($written, 0, 10) : '';
    }

    public function isOver(): bool
    {
        return in_array($this->status, self::OVER, true);
    }

    /** What the flow writes together with the status: while it is unchanged, the flow has not written yet. */
    public function written(): string
    {
        return $this->dedicatedIp . "\n" . $this->assignedIps;
    }

    /** One of the product's columns, as text. */
    public function product(string $column): string
    {
        return (string) Capsule::table('tblproducts')->where('id', $this->productId)->value($column);
    }

    public function isOurs(): bool
    {
        return $this->product('servertype') === ServiceCache::MODULE;
    }

    /**
     * Set a service back to Pending that WHMCS made Active because the command answered before its run had ended. It
     * changes nothing once the flow itself has written Active, which may happen in the same second.
     */
    public static function keepPending(Request $request): void
    {
        $service = self::find($request->serviceId);
        if ($service === null || $service->status !== self::ACTIVE || $service->written() !== $request->knownBefore) {
            return;
        }
        $row = Capsule::table('tblhosting')->where('id', $service->id)->where('domainstatus', self::ACTIVE);
        $written = ['dedicatedip' => $service->dedicatedIp, 'assignedips' => $service->assignedIps];
        foreach ($written as $column => $known) {
            $row->where(static function ($same) use ($column, $known): void {
                $same->where($column, $known);
                if ($known === '') {
                    $same->orWhereNull($column);
                }
            });
        }
        $row->update(['domainstatus' => self::PENDING]);
    }

    /** The same at the end of a command and of its hook; the service of a failed request stays Pending, too. */
    public static function keepPendingUnlessDone(int $requestId): void
    {
        $request = Requests::get($requestId);
        if ($request->action === Contract::ACTIVATE && $request->state !== Request::DONE) {
            self::keepPending($request);
        }
    }

    /** Set a Pending service Active: its server is ready. */
    public static function makeActive(int $serviceId): void
    {
        Capsule::table('tblhosting')->where('id', $serviceId)->where('domainstatus', self::PENDING)
            ->update(['domainstatus' => self::ACTIVE]);
    }
}
