<?php

declare(strict_types=1);

namespace WHMCS\Module;

use WHMCS\Database\Capsule;

/**
 * The Module Queue: failed actions that wait for staff, one open row for each action of a service.
 *
 * Source: https://developers.whmcs.com/classes/whmcs/module/queue
 */
class Queue
{
    public static function add($serviceType, $serviceId, $module, $moduleAction, $lastAttemptError): bool
    {
        $attempt = ['last_attempt' => date('Y-m-d H:i:s'), 'last_attempt_error' => (string) $lastAttemptError];
        $open = self::open($serviceType, $serviceId, $module, $moduleAction);
        if ($open->exists()) {
            $open->increment('num_retries', 1, $attempt);
            return true;
        }
        return Capsule::table('tblmodulequeue')->insert($attempt + [
            'service_type' => (string) $serviceType,
            'service_id' => (int) $serviceId,
            'module_name' => (string) $module,
            'module_action' => (string) $moduleAction,
        ]);
    }

    public static function resolve($serviceType, $serviceId, $module, $moduleAction): bool
    {
        return self::open($serviceType, $serviceId, $module, $moduleAction)->update(['completed' => true]) > 0;
    }

    private static function open($serviceType, $serviceId, $module, $moduleAction)
    {
        return Capsule::table('tblmodulequeue')->where([
            'service_type' => (string) $serviceType,
            'service_id' => (int) $serviceId,
            'module_name' => (string) $module,
            'module_action' => (string) $moduleAction,
            'completed' => false,
        ]);
    }
}
