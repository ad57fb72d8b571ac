<?php

declare(strict_types=1);

namespace WHMCS\UsageBilling\Metrics\Units;

use WHMCS\UsageBilling\Contracts\Metrics\UnitInterface;

/** Source: https://developers.whmcs.com/classes, UsageBilling\Metrics\Units\AbstractUnit */
abstract class AbstractUnit implements UnitInterface
{
    private $name;
    private $singlePerUnitName;
    private $pluralPerUnitName;
    private $prefix;
    private $suffix;

    public function __construct(
        $name,
        $singlePerUnitName = null,
        $pluralPerUnitName = null,
        $prefix = null,
        $suffix = null
    ) {
        $this->name = $name;
        $this->singlePerUnitName = $singlePerUnitName;
        $this->pluralPerUnitName = $pluralPerUnitName;
        $this->prefix = $prefix;
        $this->suffix = $suffix;
    }

    public function name()
    {
        return $this->name;
    }

    public function perUnitName($value = 0)
    {
        return (float) $value === 1.0 ? $this->singlePerUnitName : $this->pluralPerUnitName;
    }

    public function prefix()
    {
        return $this->prefix;
    }

    public function suffix()
    {
        return $this->suffix;
    }
}
