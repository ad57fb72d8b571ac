<?php

declare(strict_types=1);

namespace Dciflow\Store;

use Illuminate\Database\Schema\Blueprint;
use WHMCS\Database\Capsule;

if (!defined('WHMCS')) {
    die('This file cannot be accessed directly');
}

/** Our tables. They are created and extended, never dropped: they say which client has which server. */
final class Schema
{
    private const VERSION = 7;

    private static bool $ready = false;

    /** Bring the tables to this version; cheap when they are there. */
    public static function ensure(): void
    {
        if (self::$ready) {
            return;
        }
        if (!Capsule::schema()->hasTable('mod_dcimanager6_setting')) {
            self::create('mod_dcimanager6_setting', static function (Blueprint $table): void {
                $table->string('name', 100)->primary();
                $table->text('value');
            });
        }
        if ((int) Settings::kept('schema') < self::VERSION) {
            self::first();
            self::second();
            self::third();
            self::fourth();
            self::fifth();
            self::sixth();
            self::seventh();
            Settings::keep('schema', (string) self::VERSION);
        }
        self::$ready = true;
    }

    private static function first(): void
    {
        self::create('mod_dcimanager6_request', static function (Blueprint $table): void {
            $table->increments('id');
            $table->integer('service_id')->index();
            // One open request per service: a closed one has NULL here, and NULLs are never equal.
            $table->integer('open_for')->nullable()->unique();
            $table->integer('client_id');
            $table->string('action', 20);
            $table->string('panel', 100);
            $table->text('parameters');
            $table->string('state', 20)->index();
            $table->string('flow_run_id', 40)->nullable();
            $table->text('message');
            $table->string('requested_by', 10);
            $table->string('told', 10);
            $table->boolean('maybe_sent');
            $table->string('asked_until', 19)->nullable();
            $table->text('known_before');
            $table->string('notified_at', 19)->nullable();
            $table->string('created_at', 19);
            $table->string('updated_at', 19);
            $table->string('closed_at', 19)->nullable();
            $table->string('forgotten_at', 19)->nullable();
        });
        self::create('mod_dcimanager6_service', static function (Blueprint $table): void {
            $table->integer('service_id')->primary();
            $table->string('panel', 100)->nullable();
            $table->string('step', 20)->nullable();
            $table->string('state', 20)->nullable();
            $table->string('held', 100)->nullable();
            $table->integer('server_id')->nullable();
            $table->string('serial', 200)->nullable();
            $table->integer('owner')->nullable();
            $table->text('addresses')->nullable();
            $table->string('os', 200)->nullable();
            $table->string('username', 100)->nullable();
            $table->string('mail', 10);
            $table->string('mail_at', 19)->nullable();
            $table->string('orphaned_at', 19)->nullable();
            $table->string('refreshed_at', 19)->nullable();
            $table->string('updated_at', 19);
        });
        self::create('mod_dcimanager6_panel', static function (Blueprint $table): void {
            $table->integer('server_id')->primary();
            $table->string('name', 100)->unique();
            $table->string('stored', 64)->nullable();
        });
    }

    private static function second(): void
    {
        self::widen('mod_dcimanager6_service', 'server_since', static function (Blueprint $table): void {
            $table->string('server_since', 19)->nullable();
        });
        self::create('mod_dcimanager6_stock', static function (Blueprint $table): void {
            $table->integer('product_id')->primary();
            $table->integer('number')->nullable();
            $table->string('known_at', 19)->nullable();
            $table->text('doubt');
        });
    }

    /** Whose each service's row is. Of older rows the last activation tells the client; the rest stays empty. */
    private static function third(): void
    {
        $columns = [
            'client_id' => static function (Blueprint $table): void {
                $table->integer('client_id')->nullable();
            },
            'order_id' => static function (Blueprint $table): void {
                $table->integer('order_id')->nullable();
            },
            'registered' => static function (Blueprint $table): void {
                $table->string('registered', 10)->nullable();
            },
        ];
        foreach ($columns as $column => $add) {
            self::widen('mod_dcimanager6_service', $column, $add);
        }
        $services = Capsule::table('mod_dcimanager6_service')->whereNull('client_id')->pluck('service_id');
        foreach ($services as $serviceId) {
            $client = Capsule::table('mod_dcimanager6_request')->where('service_id', $serviceId)
                ->where('action', 'activate')->orderBy('id', 'desc')->value('client_id');
            if ($client !== null) {
                Capsule::table('mod_dcimanager6_service')->where('service_id', $serviceId)
                    ->update(['client_id' => (int) $client]);
            }
        }
    }

    private static function fourth(): void
    {
        self::widen('mod_dcimanager6_request', 'token', static function (Blueprint $table): void {
            $table->string('token', 32)->nullable();
        });
    }

    private static function fifth(): void
    {
        self::create('mod_dcimanager6_errand', static function (Blueprint $table): void {
            $table->increments('id');
            $table->integer('service_id')->index();
            // One open errand per service, as of requests.
            $table->integer('open_for')->nullable()->unique();
            $table->integer('client_id');
            $table->string('flow', 20);
            $table->string('panel', 100);
            $table->text('parameters');
            $table->string('state', 20);
            $table->string('flow_run_id', 40)->nullable();
            $table->text('message');
            $table->string('requested_by', 10);
            $table->string('token', 32);
            $table->string('created_at', 19);
            $table->string('updated_at', 19);
            $table->string('closed_at', 19)->nullable();
        });
        self::widen('mod_dcimanager6_service', 'power', static function (Blueprint $table): void {
            $table->string('power', 10)->nullable();
        });
        self::widen('mod_dcimanager6_service', 'power_at', static function (Blueprint $table): void {
            $table->string('power_at', 19)->nullable();
        });
    }

    private static function sixth(): void
    {
        self::create('mod_dcimanager6_traffic', static function (Blueprint $table): void {
            $table->integer('service_id');
            $table->bigInteger('since');
            $table->string('period', 10)->index();
            $table->bigInteger('received_mb');
            $table->bigInteger('sent_mb');
            $table->bigInteger('rate_kbit')->nullable();
            $table->primary(['service_id', 'since', 'period']);
        });
    }

    private static function seventh(): void
    {
        self::widen('mod_dcimanager6_errand', 'maybe_sent', static function (Blueprint $table): void {
            // Of an older row nobody knows, so Prefect may have it.
            $table->integer('maybe_sent')->default(1);
        });
    }

    private static function widen(string $table, string $column, callable $columns): void
    {
        if (Capsule::schema()->hasColumn($table, $column)) {
            return;
        }
        try {
            Capsule::schema()->table($table, $columns);
        } catch (\Throwable $error) {
            // Another request may have added it first.
            if (!Capsule::schema()->hasColumn($table, $column)) {
                throw $error;
            }
        }
    }

    private static function create(string $table, callable $columns): void
    {
        if (Capsule::schema()->hasTable($table)) {
            return;
        }
        // Made under another name: MariaDB adds the unique keys after the table, and nobody may see it without them.
        $unfinished = $table . '_' . bin2hex(random_bytes(3));
        Capsule::schema()->create($unfinished, $columns);
        try {
            Capsule::schema()->rename($unfinished, $table);
        } catch (\Throwable $error) {
            Capsule::schema()->dropIfExists($unfinished);
            // Another request may have made it first.
            if (!Capsule::schema()->hasTable($table)) {
                throw $error;
            }
        }
    }
}
