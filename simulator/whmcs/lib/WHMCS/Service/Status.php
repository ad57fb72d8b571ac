<?php

declare(strict_types=1);

namespace WHMCS\Service;

/** Where a service stands. Source: dossier "WHMCS", section 1. */
class Status
{
    public const PENDING = 'Pending';
    public const ACTIVE = 'Active';
    public const COMPLETED = 'Completed';
    public const SUSPENDED = 'Suspended';
    public const TERMINATED = 'Terminated';
    public const CANCELLED = 'Cancelled';
    public const FRAUD = 'Fraud';
}
