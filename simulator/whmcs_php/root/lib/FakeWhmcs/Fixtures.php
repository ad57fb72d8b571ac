<?php

declare(strict_types=1);

namespace FakeWhmcs;

use Illuminate\Database\Capsule\Manager as Capsule;

/** What staff and clients put into WHMCS's tables, without any module taking part. */
final class Fixtures
{
    public static function reset(): void
    {
        Database::reset();
        Faults::forget();
    }

    public static function switch(string $name, string $value): void
    {
        Flags::set($name, $value);
    }

    public static function client(string $email, string $firstname, string $lastname, bool $email_verified = true): int
    {
        return Capsule::table('tblclients')->insertGetId(get_defined_vars());
    }

    /** @param list<string> $settings the module settings in their order */
    public static function product(string $name, string $module, array $settings, bool $welcome = true): int
    {
        $options = [];
        foreach ($settings as $n => $value) {
            $options['configoption' . ($n + 1)] = $value;
        }
        $template = Capsule::table('tblemailtemplates')->where('name', Schema::WELCOME)->value('id');
        return Capsule::table('tblproducts')->insertGetId($options + [
            'name' => $name,
            'servertype' => $module,
            'welcomeemail' => $welcome ? $template : 0,
        ]);
    }

    public static function server(
        string $name,
        string $module,
        string $hostname,
        string $username,
        string $password,
        string $ipaddress = '',
        ?int $port = null,
        bool $secure = true
    ): int {
        $id = Capsule::table('tblservers')->insertGetId([
            'name' => $name,
            'type' => $module,
            'hostname' => $hostname,
            'ipaddress' => $ipaddress,
            'username' => $username,
            'password' => encrypt($password),
            'port' => $port,
            'secure' => $secure ? 'on' : '',
        ]);
        Hooks::run('ServerAdd', ['serverid' => $id]);
        return $id;
    }

    /** @param list<int> $servers */
    public static function group(string $name, array $servers): int
    {
        $id = Capsule::table('tblservergroups')->insertGetId(['name' => $name]);
        foreach ($servers as $server) {
            Capsule::table('tblservergroupsrel')->insert(['groupid' => $id, 'serverid' => $server]);
        }
        return $id;
    }

    /**
     * A Pending service with a password of ten letters and digits, or the one given.
     *
     * It takes one off the stock, which WHMCS does not document.
     */
    public static function order(int $client, int $product, string $hostname, int $server = 0, string $password = ''): int
    {
        Capsule::table('tblproducts')->where(['id' => $product, 'stockcontrol' => true])->decrement('qty');
        return Capsule::table('tblhosting')->insertGetId([
            'userid' => $client,
            'orderid' => 1 + (int) Capsule::table('tblhosting')->max('orderid'),
            'packageid' => $product,
            'regdate' => gmdate('Y-m-d'),
            'server' => $server,
            'domain' => $hostname,
            'username' => substr((string) preg_replace('/[^a-z0-9]/i', '', $hostname), 0, 8),
            'password' => encrypt($password !== '' ? $password : substr(bin2hex(random_bytes(5)), 0, 10)),
            'domainstatus' => 'Pending',
        ]);
    }

    /** A product addon of a service. */
    public static function addonOrder(int $service): int
    {
        return Capsule::table('tblhostingaddons')->insertGetId(['hostingid' => $service, 'status' => 'Pending']);
    }

    /** What a client chose of a configurable option. $type: dropdown, radio, yesno or quantity */
    public static function option(int $service, string $name, string $value, string $type): void
    {
        Capsule::table('tblhostingconfigoptions')
            ->insert(['relid' => $service, 'optionname' => $name, 'optiontype' => $type, 'value' => $value]);
    }

    /** Staff change a row by hand; passwords are encrypted on the way. @param array<string, mixed> $values */
    public static function edit(string $table, int $id, array $values): void
    {
        if (isset($values['password'])) {
            $values['password'] = encrypt($values['password']);
        }
        Capsule::table($table)->where('id', $id)->update($values);
        if ($table === 'tblservers') {
            Hooks::run('ServerEdit', ['serverid' => $id]);
        } elseif ($table === 'tblhosting') {
            Hooks::run('ServiceEdit', ['serviceid' => $id, 'userid' => 0]);
        }
    }

    /** Deleting a service calls no function of its module. */
    public static function deleteService(int $service): void
    {
        $client = (int) Capsule::table('tblhosting')->where('id', $service)->value('userid');
        Capsule::table('tblhosting')->where('id', $service)->delete();
        Hooks::run('ServiceDelete', ['serviceid' => $service, 'userid' => $client]);
    }

    /** @param list<string> $actions what the role of the credential may call from now on */
    public static function role(string $identifier, string $secret, array $actions): void
    {
        $values = ['secret' => $secret, 'actions' => implode(' ', $actions)];
        Capsule::table('fake_roles')->updateOrInsert(['identifier' => $identifier], $values);
    }

    /** The nth call of the API's action from now on takes effect, and its answer never arrives. */
    public static function loseAnswer(string $action, int $nth): void
    {
        Capsule::table('fake_lost_answers')->insert(['action' => $action, 'nth' => (string) $nth]);
    }

    /** @return list<object>|int rows of a SELECT, else how many rows were changed */
    public static function sql(string $statement, array $bindings = []): array|int
    {
        return str_starts_with(strtoupper(ltrim($statement)), 'SELECT')
            ? Capsule::select($statement, $bindings)
            : Capsule::affectingStatement($statement, $bindings);
    }
}
