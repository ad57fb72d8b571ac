<?php

declare(strict_types=1);

namespace Stage;

use Illuminate\Database\Capsule\Manager as Capsule;

/** The API calls that only read. Source: dossier "WHMCS", sections 6 and 13. */
final class ApiReads
{
    private const PAGE = 25;

    public static function client(array $form): array
    {
        $clients = Capsule::table('tblclients');
        $client = !empty($form['clientid'])
            ? $clients->find((int) $form['clientid'])
            : $clients->where('email', (string) ($form['email'] ?? ''))->first();
        if ($client === null) {
            throw new Denial('Client Not Found');
        }
        $shown = [
            'userid' => (int) $client->id,
            'id' => (int) $client->id,
            'firstname' => $client->firstname,
            'lastname' => $client->lastname,
            'fullname' => "$client->firstname $client->lastname",
            'companyname' => $client->companyname,
            'email' => $client->email,
            'phonenumber' => $client->phonenumber,
            'email_verified' => (bool) $client->email_verified,
            'status' => $client->status,
        ];
        // The real one shows the client twice: as it did in old versions, and below "client".
        return $shown + ['client' => $shown];
    }

    public static function services(array $form): array
    {
        $columns = [
            'clientid' => 'userid', 'serviceid' => 'id', 'pid' => 'packageid', 'domain' => 'domain',
            'username2' => 'username',
        ];
        $query = Capsule::table('tblhosting');
        foreach ($columns as $parameter => $column) {
            if (!empty($form[$parameter])) {
                $query->where($column, (string) $form[$parameter]);
            }
        }
        $start = self::number($form, 'limitstart', 0);
        $total = $query->count();
        $page = $query->orderBy('id')->offset($start)->limit(self::number($form, 'limitnum', self::PAGE))->get();
        $rows = $page->map(static fn (object $row): array => self::shown($row))->all();
        return [
            'clientid' => $form['clientid'] ?? null,
            'serviceid' => $form['serviceid'] ?? null,
            'pid' => $form['pid'] ?? null,
            'domain' => $form['domain'] ?? null,
            'totalresults' => $total,
            'startnumber' => $start,
            'numreturned' => count($rows),
            'products' => $rows === [] ? '' : ['product' => $rows],
        ];
    }

    public static function queue(array $form): array
    {
        $query = Capsule::table('tblmodulequeue')->where('completed', false);
        $columns = [
            'relatedId' => 'service_id', 'serviceType' => 'service_type', 'moduleName' => 'module_name',
            'moduleAction' => 'module_action',
        ];
        foreach ($columns as $parameter => $column) {
            if (!empty($form[$parameter])) {
                $query->where($column, $form[$parameter]);
            }
        }
        $rows = $query->orderBy('id')->get()->map(static fn (object $row): array => [
            'id' => $row->id,
            'serviceType' => $row->service_type,
            'relatedId' => $row->service_id,
            'moduleName' => $row->module_name,
            'moduleAction' => $row->module_action,
            'lastAttempt' => $row->last_attempt,
            'lastAttemptError' => $row->last_attempt_error,
            'numRetries' => $row->num_retries,
            'completed' => $row->completed,
        ])->all();
        return ['count' => count($rows), 'queue' => $rows];
    }

    public static function version(array $form): array
    {
        return ['whmcs' => ['version' => '8.13.0', 'canonicalversion' => '8.13.0-release.1']];
    }

    /** The service that a call names. Throws Denial: there is none */
    public static function service(array $form, string $otherwise = 'Service ID not found'): object
    {
        $number = self::number($form, 'serviceid', self::number($form, 'accountid', 0));
        return Capsule::table('tblhosting')->find($number) ?? throw new Denial($otherwise);
    }

    private static function shown(object $row): array
    {
        $options = Capsule::table('tblhostingconfigoptions')->where('relid', $row->id)->get();
        $server = Capsule::table('tblservers')->find($row->server);
        return [
            'id' => $row->id,
            'clientid' => $row->userid,
            'orderid' => $row->orderid,
            'pid' => $row->packageid,
            'name' => Capsule::table('tblproducts')->where('id', $row->packageid)->value('name'),
            'groupname' => 'Dedicated servers',
            'domain' => $row->domain,
            'dedicatedip' => $row->dedicatedip,
            'assignedips' => (string) $row->assignedips,
            'serverid' => $row->server,
            'servername' => $server->name ?? '',
            'status' => $row->domainstatus,
            'suspensionreason' => $row->suspendreason,
            'username' => $row->username,
            'password' => decrypt((string) $row->password),
            'notes' => (string) $row->notes,
            'configoptions' => ['configoption' => $options->map(static fn (object $option): array => [
                'id' => $option->id,
                'option' => $option->optionname,
                'type' => $option->optiontype,
                'value' => $option->value,
            ])->all()],
        ];
    }

    private static function number(array $form, string $key, int $otherwise): int
    {
        return ctype_digit((string) ($form[$key] ?? '')) ? (int) $form[$key] : $otherwise;
    }
}
