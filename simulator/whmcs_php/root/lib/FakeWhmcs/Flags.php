<?php

declare(strict_types=1);

namespace FakeWhmcs;

use Illuminate\Database\Capsule\Manager as Capsule;

/**
 * How this WHMCS behaves where the documentation leaves it open, and which faults its API has.
 *
 * Each is a text; see DEFAULTS.
 */
final class Flags
{
    private const DEFAULTS = [
        // The order of what follows a successful command is not documented: any permutation of the three words.
        'order' => 'status,hook,mail',
        // In which order a paid upgrade is written, told to the module and to hooks is not documented.
        'upgrade_order' => 'write,command,hook',
        // "status" and "suspendreason" in $params are not documented, though vendors' modules read them.
        'undocumented_params' => '1',
        // Whether an API call has the admin of its credential in the session is not documented.
        'api_has_admin' => '',
        'module_log' => '1',
        'mail_server_down' => '',
        'api_text_errors' => '',
        'api_flat_keys' => '',
        'api_rejected_address' => '',
        'api_unavailable' => '0',
    ];

    public static function get(string $name): string
    {
        $value = Capsule::table('fake_flags')->where('name', $name)->value('value');
        return (string) ($value ?? self::DEFAULTS[$name] ?? throw new \InvalidArgumentException("no flag $name"));
    }

    public static function set(string $name, string $value): void
    {
        if (!isset(self::DEFAULTS[$name])) {
            throw new \InvalidArgumentException("no flag $name");
        }
        Capsule::table('fake_flags')->updateOrInsert(['name' => $name], ['value' => $value]);
    }
}
