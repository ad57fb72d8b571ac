<?php

declare(strict_types=1);

namespace WHMCS\Config;

use WHMCS\Database\Capsule;

/** WHMCS's own settings. */
class Setting
{
    public static function getValue(string $setting)
    {
        return Capsule::table('tblconfiguration')->where('setting', $setting)->value('value');
    }

    public static function setValue(string $setting, $value): void
    {
        Capsule::table('tblconfiguration')->updateOrInsert(['setting' => $setting], ['value' => $value]);
    }
}
