<?php

declare(strict_types=1);

namespace WHMCS\UsageBilling\Contracts\Metrics;

/** One thing that is metered. The constants' values are not documented. Source: as of ProviderInterface */
interface MetricInterface
{
    public const TYPE_SNAPSHOT = 'snapshot';
    public const TYPE_PERIOD_DAY = 'day';
    public const TYPE_PERIOD_MONTH = 'month';

    /** @return UsageInterface */
    public function usage();

    public function withUsage(?UsageInterface $usage = null);

    /** @return UnitInterface */
    public function units();

    /** @return string */
    public function systemName();

    /** @return string */
    public function displayName();

    /** One of the TYPE_* constants. @return string */
    public function type();
}
