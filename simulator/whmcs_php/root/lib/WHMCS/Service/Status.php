<?php

declare(strict_types=1);

namespace WHMCS\Service;

/** A service's status. Source: https://docs.whmcs.com/clients/client-profile/products-services-tab */
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
