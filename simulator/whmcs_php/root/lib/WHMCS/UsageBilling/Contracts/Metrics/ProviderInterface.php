<?php

declare(strict_types=1);

namespace WHMCS\UsageBilling\Contracts\Metrics;

/** What MetricProvider returns. Source: https://developers.whmcs.com/classes, UsageBilling\Contracts\Metrics */
interface ProviderInterface
{
    /** Keyed by metric system name. @return MetricInterface[] */
    public function metrics();

    /** Keyed by tenant id. @return array */
    public function usage();

    /** @return MetricInterface[] */
    public function tenantUsage($tenant);
}
