<?php

declare(strict_types=1);

namespace FakeWhmcs;

use Illuminate\Database\Capsule\Manager as Capsule;

/**
 * The module log: writes only while it is switched on, and masks the literal values it is given, no other form of them.
 *
 * Source: https://developers.whmcs.com/provisioning-modules/module-logging
 */
final class ModuleLog
{
    public static function write(
        string $module,
        string $action,
        mixed $request,
        mixed $response,
        mixed $processed,
        array $secrets
    ): void {
        if (Flags::get('module_log') === '') {
            return;
        }
        $masked = static function (mixed $value) use ($secrets): string {
            $text = is_scalar($value) || $value === null ? (string) $value : print_r($value, true);
            foreach ($secrets as $secret) {
                if (is_scalar($secret) && (string) $secret !== '') {
                    $text = str_replace((string) $secret, str_repeat('*', strlen((string) $secret)), $text);
                }
            }
            return $text;
        };
        Capsule::table('tblmodulelog')->insert([
            'date' => date('Y-m-d H:i:s'),
            'module' => $module,
            'action' => $action,
            'request' => $masked($request),
            'response' => $masked($response),
            'arrdata' => $masked($processed),
        ]);
    }
}
