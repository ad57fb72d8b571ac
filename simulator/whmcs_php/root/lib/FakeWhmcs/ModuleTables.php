<?php

declare(strict_types=1);

namespace FakeWhmcs;

use Illuminate\Database\Capsule\Manager as Capsule;

/**
 * The tables of modules (mod_*). Between two tests they are emptied where they are as an activation made them, and
 * dropped where not: to make them anew is what a test of a few milliseconds would spend most of its time on.
 */
final class ModuleTables
{
    /** @return list<string> */
    public static function names(): array
    {
        return array_values(array_filter(Database::tables(), static fn (string $name): bool => str_starts_with($name, 'mod_')));
    }

    /** Note how they are, right after the activation that made them. */
    public static function remember(): void
    {
        file_put_contents(self::file(), self::columns());
    }

    public static function reset(): void
    {
        $areAsMade = is_file(self::file()) && file_get_contents(self::file()) === self::columns();
        foreach (self::names() as $table) {
            $areAsMade ? Capsule::table($table)->delete() : Capsule::schema()->drop($table);
        }
    }

    private static function columns(): string
    {
        if (Capsule::connection()->getDriverName() === 'sqlite') {
            return uniqid(); // it drops in no time
        }
        $columns = Capsule::select(
            'SELECT table_name, column_name, column_type, column_key, is_nullable, column_default, extra'
            . " FROM information_schema.columns WHERE table_schema = DATABASE() AND table_name LIKE 'mod\\_%'"
            . ' ORDER BY table_name, ordinal_position'
        );
        return json_encode($columns, JSON_THROW_ON_ERROR);
    }

    private static function file(): string
    {
        return getenv('FAKE_WHMCS_HOME') . '/module-tables.json';
    }
}
