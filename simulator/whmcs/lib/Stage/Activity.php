<?php

declare(strict_types=1);

namespace Stage;

use Illuminate\Database\Capsule\Manager as Capsule;

/** The activity log. Source: dossier "WHMCS", section 8. */
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
