<?php

declare(strict_types=1);

namespace WHMCS\UsageBilling\Contracts\Metrics;

/** How much of a metric was used, and when. Source: as of ProviderInterface */
interface UsageInterface
{
    public function collectedAt();

    public function startAt();

    public function endAt();

    public function value();
}
