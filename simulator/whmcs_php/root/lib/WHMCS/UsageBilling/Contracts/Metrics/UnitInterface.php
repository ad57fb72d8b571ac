<?php

declare(strict_types=1);

namespace WHMCS\UsageBilling\Contracts\Metrics;

/** In what a metric is counted; without its constants and formats, which the module uses none of. */
interface UnitInterface
{
    public function name();

    public function perUnitName($value = 0);

    public function prefix();

    public function suffix();
}
