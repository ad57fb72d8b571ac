<?php

declare(strict_types=1);

namespace FakeWhmcs;

use Illuminate\Database\Capsule\Manager as Capsule;
use Illuminate\Database\Schema\Blueprint;

/**
 * WHMCS's tables, as far as modules and flows meet them, and the simulator's own (fake_*).
 *
 * Options and custom fields are kept by name in one table each: WHMCS spreads them over several.
 */
final class Schema
{
    public const WELCOME = 'Dedicated/VPS Server Welcome Email';
    public const ADMIN = 1;

    public static function create(): void
    {
        foreach (self::texts() as $name => $columns) {
            self::table($name, static function (Blueprint $table) use ($columns): void {
                foreach ($columns as $column) {
                    $table->text($column)->nullable();
                }
            });
        }
        self::table('tblclients', static function (Blueprint $table): void {
            foreach (['firstname', 'lastname', 'companyname', 'email', 'phonenumber'] as $column) {
                $table->string($column)->default('');
            }
            $table->string('status')->default('Active');
            $table->boolean('email_verified')->default(true);
        });
        self::table('tblproducts', static function (Blueprint $table): void {
            $table->string('type')->default('server');
            $table->string('name');
            $table->string('servertype')->default('');
            $table->integer('servergroup')->default(0);
            $table->integer('welcomeemail')->default(0);
            $table->string('autosetup')->default('payment');
            $table->boolean('stockcontrol')->default(false);
            $table->integer('qty')->default(0);
            for ($n = 1; $n <= ProductForm::FIELDS; $n++) {
                $table->text("configoption$n")->nullable();
            }
        });
        self::table('tblservers', static function (Blueprint $table): void {
            foreach (['name', 'hostname', 'ipaddress', 'username', 'type', 'secure', 'accesshash'] as $column) {
                $table->string($column)->default('');
            }
            $table->text('password')->nullable();
            $table->integer('port')->nullable();
            $table->boolean('active')->default(true);
            $table->boolean('disabled')->default(false);
        });
        self::table('tblservergroups', static function (Blueprint $table): void {
            $table->string('name')->default('');
        });
        self::table('tblservergroupsrel', static function (Blueprint $table): void {
            $table->integer('groupid');
            $table->integer('serverid');
        });
        self::table('tblhosting', static function (Blueprint $table): void {
            foreach (['userid', 'orderid', 'packageid', 'server'] as $column) {
                $table->integer($column)->default(0);
            }
            foreach (['domain', 'username', 'domainstatus', 'dedicatedip', 'suspendreason'] as $column) {
                $table->string($column)->default('');
            }
            foreach (['password', 'assignedips', 'notes', 'diskusage', 'disklimit', 'bwusage', 'bwlimit'] as $column) {
                $table->text($column)->nullable();
            }
            $table->date('regdate')->nullable();
            $table->date('nextduedate')->nullable();
            $table->boolean('overideautosuspend')->default(false);
            $table->date('overidesuspenduntil')->nullable();
            $table->date('termination_date')->nullable();
            $table->dateTime('lastupdate')->nullable();
            $table->timestamps();
        });
        self::table('tblmodulequeue', static function (Blueprint $table): void {
            foreach (['service_type', 'module_name', 'module_action'] as $column) {
                $table->string($column);
            }
            $table->integer('service_id');
            $table->dateTime('last_attempt');
            $table->text('last_attempt_error');
            $table->integer('num_retries')->default(0);
            $table->boolean('completed')->default(false);
        });
        self::table('tblemailtemplates', static function (Blueprint $table): void {
            foreach (['type', 'name', 'subject'] as $column) {
                $table->string($column);
            }
            $table->text('message');
        });
        Capsule::schema()->create('fake_flags', static function (Blueprint $table): void {
            $table->string('name', 100)->primary();
            $table->text('value');
        });
    }

    public static function seed(): void
    {
        Capsule::table('tbladmins')->insert(
            ['id' => self::ADMIN, 'username' => 'admin', 'firstname' => 'Ada', 'lastname' => 'Admin']
        );
        Capsule::table('tblemailtemplates')->insert([
            'type' => 'product',
            'name' => self::WELCOME,
            'subject' => 'New Dedicated Server Information',
            'message' => 'Host {$service_domain} IP {$service_dedicated_ip} ({$service_assigned_ips}) '
                . 'user {$service_username} password {$service_password}',
        ]);
        Capsule::table('fake_roles')->insert([
            'identifier' => 'simulated-identifier',
            'secret' => 'simulated-secret',
            'actions' => implode(' ', Api::NEEDED),
        ]);
        Capsule::table('tblconfiguration')->insert([
            ['setting' => 'SystemURL', 'value' => 'http://billing.example.com/whmcs/'],
            ['setting' => 'CompanyName', 'value' => 'Example Hosting'],
        ]);
    }

    /** @return array<string, list<string>> */
    private static function texts(): array
    {
        return [
            'tbladmins' => ['username', 'firstname', 'lastname'],
            'tblhostingaddons' => ['hostingid', 'addonid', 'userid', 'status'],
            'tblhostingconfigoptions' => ['relid', 'optionname', 'optiontype', 'value'],
            'tblupgrades' => ['type', 'relid', 'originalvalue', 'newvalue', 'status', 'paid'],
            'tblcustomfieldsvalues' => ['relid', 'fieldname', 'value'],
            'tblemails' => ['userid', 'relid', 'messagename', 'subject', 'message', 'date'],
            'tblmodulelog' => ['date', 'module', 'action', 'request', 'response', 'arrdata'],
            'tblactivitylog' => ['date', 'description', 'user', 'userid'],
            'tbladdonmodules' => ['module', 'setting', 'value'],
            'tblconfiguration' => ['setting', 'value'],
            'fake_notifications' => ['date', 'identifier', 'title', 'message', 'url', 'status', 'attributes'],
            'fake_requests' => ['date', 'action', 'body', 'error'],
            'fake_usage' => ['relid', 'metric', 'month', 'value'],
            'fake_roles' => ['identifier', 'secret', 'actions'],
            'fake_lost_answers' => ['action', 'nth'],
        ];
    }

    private static function table(string $name, callable $columns): void
    {
        Capsule::schema()->create($name, static function (Blueprint $table) use ($columns): void {
            $table->increments('id');
            $columns($table);
        });
    }
}
