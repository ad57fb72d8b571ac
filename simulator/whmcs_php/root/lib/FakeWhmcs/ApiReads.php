<?php

declare(strict_types=1);

namespace FakeWhmcs;

use Illuminate\Database\Capsule\Manager as Capsule;

/** The API calls that only read. Source: https://developers.whmcs.com/api-reference */
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
            throw new ApiError('Client Not Found');
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

    /** The service that a call names. Throws ApiError: there is none */
    public static function service(array $form, string $otherwise = 'Service ID not found'): object
    {
        $number = self::number($form, 'serviceid', self::number($form, 'accountid', 0));
        return Capsule::table('tblhosting')->find($number) ?? throw new ApiError($otherwise);
    }

    private static function shown(object $row): array
    {
        $options = Capsule::table('tblhostingconfigoptions')->where('relid', $row->id)->get();
        $server = Capsule::table('tblservers')->find($row->server);
        return [
            'id' => $row->id,
            'clientid' => $row->userid,
            'orderid' => $row->orderid,
            'regdate' => $row->regdate,
            'nextduedate' => $row->nextduedate ?? '0000-00-00',
            'overideautosuspend' => (int) $row->overideautosuspend,
            'overidesuspenduntil' => $row->overidesuspenduntil ?? '0000-00-00',
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
