<?php

declare(strict_types=1);

namespace WHMCS\Service;

use WHMCS\Database\Capsule;

/**
 * $params['model']->serviceProperties: core names are columns, any other name is a custom field, made when missing.
 *
 * Source: https://developers.whmcs.com/provisioning-modules/service-properties
 */
class Properties
{
    private const CORE = [
        'Username' => 'username',
        'Password' => 'password',
        'Domain' => 'domain',
        'Dedicated IP' => 'dedicatedip',
        'Disk Usage' => 'diskusage',
        'Disk Limit' => 'disklimit',
        'Bandwidth Usage' => 'bwusage',
        'Bandwidth Limit' => 'bwlimit',
        'Last Update' => 'lastupdate',
    ];

    private Service $service;

    public function __construct(Service $service)
    {
        $this->service = $service;
    }

    public function save(array $values): bool
    {
        foreach ($values as $name => $value) {
            $column = self::CORE[$name] ?? null;
            if ($column === null) {
                Capsule::table('tblcustomfieldsvalues')
                    ->updateOrInsert(['relid' => $this->service->id, 'fieldname' => $name], ['value' => $value]);
            } else {
                $this->service->$column = $column === 'password' ? encrypt($value) : $value;
            }
        }
        return $this->service->save();
    }

    public function get(string $name)
    {
        $column = self::CORE[$name] ?? null;
        if ($column === null) {
            $field = ['relid' => $this->service->id, 'fieldname' => $name];
            return (string) Capsule::table('tblcustomfieldsvalues')->where($field)->value('value');
        }
        return $column === 'password' ? decrypt($this->service->password) : $this->service->$column;
    }
}
