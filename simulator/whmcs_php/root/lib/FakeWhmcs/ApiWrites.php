<?php

declare(strict_types=1);

namespace FakeWhmcs;

use Illuminate\Database\Capsule\Manager as Capsule;

/** The API calls that change or send something. Source: https://developers.whmcs.com/api-reference */
final class ApiWrites
{
    private const STATUSES = ['Pending', 'Active', 'Completed', 'Suspended', 'Terminated', 'Cancelled', 'Fraud'];
    private const COLUMNS = [
        'domain' => 'domain',
        'serviceusername' => 'username',
        'servicepassword' => 'password',
        'dedicatedip' => 'dedicatedip',
        'assignedips' => 'assignedips',
        'status' => 'domainstatus',
        'notes' => 'notes',
        'suspendreason' => 'suspendreason',
    ];

    /** Sets fields only: no module call, no mail. */
    public static function update(array $form): array
    {
        $service = ApiReads::service($form, 'Service ID Not Found');
        if (!empty($form['status']) && !in_array($form['status'], self::STATUSES, true)) {
            throw new ApiError('Invalid Status');
        }
        $values = [];
        foreach (self::COLUMNS as $parameter => $column) {
            if (!empty($form[$parameter])) {
                $value = (string) $form[$parameter];
                $values[$column] = $column === 'password' ? encrypt($value) : $value;
            }
        }
        foreach ((array) ($form['unset'] ?? []) as $parameter) {
            if (isset(self::COLUMNS[$parameter]) && $parameter !== 'status') {
                $values[self::COLUMNS[$parameter]] = $parameter === 'servicepassword' ? encrypt('') : '';
            }
        }
        if ($values !== []) {
            Capsule::table('tblhosting')->where('id', $service->id)->update($values);
        }
        return ['serviceid' => $service->id];
    }

    public static function mail(array $form): array
    {
        $name = (string) ($form['messagename'] ?? '');
        if (!Capsule::table('tblemailtemplates')->where('name', $name)->exists()) {
            throw new ApiError('Email Template not found');
        }
        // One text hides a wrong number, a hook's veto and a mail server's fault.
        return Mail::send($name, (int) ($form['id'] ?? 0)) ? [] : throw new ApiError('Sending Failed');
    }

    public static function log(array $form): array
    {
        if (empty($form['description'])) {
            throw new ApiError('Description is required');
        }
        Activity::log((string) $form['description'], (int) ($form['clientid'] ?? 0));
        return [];
    }

    public static function notify(array $form): array
    {
        if (empty($form['notification_identifier']) || empty($form['title']) || empty($form['message'])) {
            throw new ApiError('notification_identifier, title and message are required');
        }
        Capsule::table('fake_notifications')->insert([
            'date' => date('Y-m-d H:i:s'),
            'identifier' => $form['notification_identifier'],
            'title' => $form['title'],
            'message' => $form['message'],
            'url' => $form['url'] ?? '',
            'status' => $form['status'] ?? '',
            'attributes' => json_encode($form['attributes'] ?? []),
        ]);
        return [];
    }

    public static function custom(array $form): array
    {
        $service = ApiReads::service($form);
        if (empty($form['func_name'])) {
            throw new ApiError('Function name is required');
        }
        $result = ModuleRunner::custom((int) $service->id, (string) $form['func_name']);
        return $result === 'success' ? [] : throw new ApiError($result);
    }
}
