<?php

declare(strict_types=1);

namespace WHMCS\UsageBilling\Metrics\Units;

/** Source: https://developers.whmcs.com/classes, UsageBilling\Metrics\Units\FloatingPoint */
class FloatingPoint extends AbstractUnit
{
}
