<?php

declare(strict_types=1);

namespace FakeWhmcs;

use Illuminate\Database\Capsule\Manager as Capsule;

/** The activity log. Source: https://developers.whmcs.com/advanced/logging */
final class Activity
{
    public static function log(string $description, int $clientId = 0): void
    {
        Capsule::table('tblactivitylog')->insert([
            'date' => date('Y-m-d H:i:s'),
            'description' => $description,
            'user' => isset($_SESSION['adminid']) ? 'Admin' : 'System',
            'userid' => $clientId,
        ]);
    }
}
