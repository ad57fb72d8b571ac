<?php

declare(strict_types=1);

namespace Dciflow;

use WHMCS\Database\Capsule;

if (!defined('WHMCS')) {
    die('This file cannot be accessed directly');
}

/** A service as WHMCS has it (a row of tblhosting), and the two moves of its status that are ours. */
final class Hosting
{
    public const PENDING = 'Pending';
    public const ACTIVE = 'Active';
    public const SUSPENDED = 'Suspended';
    public const OVER = ['Terminated', 'Cancelled', 'Fraud'];

    public int $id;
    public int $clientId;
    public int $productId;
    public string $status;
    private string $dedicatedIp;
    private string $assignedIps;
    private string $nextDue;

    private function __construct(\stdClass $row)
    {
        $this->id = (int) $row->id;
        $this->clientId = (int) $row->userid;
        $this->productId = (int) $row->packageid;
        $this->status = (string) $row->domainstatus;
        $this->dedicatedIp = (string) ($row->dedicatedip ?? '');
        $this->assignedIps = (string) ($row->assignedips ?? '');
        $this->nextDue = (string) ($row->nextduedate ?? '');
    }

    public static function find(int $serviceId): ?self
    {
        $row = Capsule::table('tblhosting')->where('id', $serviceId)->first();
        return $row === null ? null : new self($row);
    }

    /** Whether its next due date is still to come. */
    public function isPaidAhead(): bool
    {
        return $this->nextDue > date('Y-m-d');
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
        return $this->product('servertype') === Services::MODULE;
    }

    /**
     * Take back an Active that WHMCS wrote because the command answered early. Only Active is touched, and only while
     * the flow has not written its own: the two meet in the same seconds.
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

    /**
     * The same, when a command or its hook is over: a request that failed meanwhile keeps its service Pending, too.
     */
    public static function keepPendingUnlessDone(int $requestId): void
    {
        $request = Requests::get($requestId);
        if ($request->action === 'activate' && $request->state !== Request::DONE) {
            self::keepPending($request);
        }
    }

    /** The server is ready: Active, if it is we who kept it Pending. */
    public static function makeActive(int $serviceId): void
    {
        Capsule::table('tblhosting')->where('id', $serviceId)->where('domainstatus', self::PENDING)
            ->update(['domainstatus' => self::ACTIVE]);
    }
}
