<?php

declare(strict_types=1);

namespace FakeWhmcs;

use Illuminate\Database\Capsule\Manager as Capsule;

/** The database of the simulated WHMCS, through the query builder that WHMCS itself gives to modules. */
final class Database
{
    public static function connect(string $url): void
    {
        $capsule = new Capsule();
        $capsule->addConnection(self::settings($url));
        $capsule->setAsGlobal();
        $capsule->bootEloquent();
    }

    public static function install(string $url): void
    {
        $settings = self::settings($url);
        if ($settings['driver'] === 'sqlite') {
            touch($settings['database']);
        } else {
            $statement = "CREATE DATABASE IF NOT EXISTS `{$settings['database']}` CHARACTER SET utf8mb4";
            self::server($settings)->exec($statement);
        }
        Schema::create();
        Schema::seed();
    }

    public static function drop(string $url): void
    {
        $settings = self::settings($url);
        if ($settings['driver'] === 'sqlite') {
            unlink($settings['database']);
        } else {
            self::server($settings)->exec("DROP DATABASE IF EXISTS `{$settings['database']}`");
        }
    }

    /** Empty again: no rows, and of modules no table that an activation would not make. */
    public static function reset(): void
    {
        ModuleTables::reset();
        foreach (array_diff(self::tables(), ModuleTables::names()) as $table) {
            Capsule::table($table)->delete();
        }
        Schema::seed();
    }

    /** @return list<string> */
    public static function tables(): array
    {
        return array_map(
            static fn (object $row): string => (string) current((array) $row),
            Capsule::connection()->getDriverName() === 'sqlite'
                ? Capsule::select("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'")
                : Capsule::select('SHOW TABLES')
        );
    }

    /** @return array<string, string> */
    private static function settings(string $url): array
    {
        if (str_starts_with($url, 'sqlite://')) {
            return ['driver' => 'sqlite', 'database' => substr($url, strlen('sqlite://'))];
        }
        $parts = (array) parse_url($url);
        return [
            'driver' => 'mysql',
            'host' => (string) ($parts['host'] ?? '127.0.0.1'),
            'port' => (string) ($parts['port'] ?? 3306),
            'database' => ltrim((string) ($parts['path'] ?? ''), '/'),
            'username' => rawurldecode((string) ($parts['user'] ?? 'root')),
            'password' => rawurldecode((string) ($parts['pass'] ?? '')),
            'charset' => 'utf8mb4',
            'collation' => 'utf8mb4_unicode_ci',
            'strict' => false, // as WHMCS, which clears MySQL's sql_mode
        ];
    }

    /** @param array<string, string> $settings */
    private static function server(array $settings): \PDO
    {
        $source = "mysql:host={$settings['host']};port={$settings['port']}";
        return new \PDO($source, $settings['username'], $settings['password']);
    }
}
