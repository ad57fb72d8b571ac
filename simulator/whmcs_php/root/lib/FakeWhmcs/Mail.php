<?php

declare(strict_types=1);

namespace FakeWhmcs;

use Illuminate\Database\Capsule\Manager as Capsule;

/**
 * Mails about services, each through the EmailPreSend hook, and mails to staff, which are kept with client 0.
 *
 * Source: https://developers.whmcs.com/hooks-reference/everything-else (EmailPreSend)
 */
final class Mail
{
    /** Sends the product's welcome mail, if it has one. Whether it went out. */
    public static function welcome(int $serviceId): bool
    {
        $template = Capsule::table('tblhosting')
            ->join('tblproducts', 'tblproducts.id', '=', 'tblhosting.packageid')
            ->join('tblemailtemplates', 'tblemailtemplates.id', '=', 'tblproducts.welcomeemail')
            ->where('tblhosting.id', $serviceId)
            ->value('tblemailtemplates.name');
        return $template !== null && self::send((string) $template, $serviceId);
    }

    /** Whether it went out: not when a hook vetoes it, the mail server is down, or template or service are not there. */
    public static function send(string $name, int $serviceId): bool
    {
        $template = Capsule::table('tblemailtemplates')->where('name', $name)->first();
        $service = Capsule::table('tblhosting')->find($serviceId);
        if ($template === null || $service === null) {
            return false;
        }
        $fields = [
            'service_domain' => $service->domain,
            'service_dedicated_ip' => $service->dedicatedip,
            'service_assigned_ips' => $service->assignedips,
            'service_username' => $service->username,
            'service_password' => decrypt($service->password),
        ];
        $vars = ['messagename' => $name, 'relid' => $serviceId, 'mergefields' => $fields];
        foreach (Hooks::run('EmailPreSend', $vars) as $returned) {
            if (is_array($returned) && !empty($returned['abortsend'])) {
                return false;
            }
            $fields = (is_array($returned) ? $returned : []) + $fields;
        }
        if (Flags::get('mail_server_down') !== '') {
            return false;
        }
        $places = array_map(static fn (string $field): string => '{$' . $field . '}', array_keys($fields));
        self::keep([
            'userid' => $service->userid,
            'relid' => $serviceId,
            'messagename' => $name,
            'subject' => $template->subject,
            'message' => str_replace($places, array_map('strval', $fields), $template->message),
        ]);
        return true;
    }

    public static function toAdmins(string $subject, string $message): void
    {
        self::keep(['userid' => 0, 'relid' => 0, 'messagename' => '', 'subject' => $subject, 'message' => $message]);
    }

    private static function keep(array $mail): void
    {
        Capsule::table('tblemails')->insert($mail + ['date' => date('Y-m-d H:i:s')]);
    }
}
