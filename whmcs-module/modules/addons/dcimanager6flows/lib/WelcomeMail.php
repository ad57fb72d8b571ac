<?php

declare(strict_types=1);

namespace Dciflow;

use WHMCS\Database\Capsule;

if (!defined('WHMCS')) {
    die('This file cannot be accessed directly');
}

/**
 * The product's welcome mail: held back while the server is not ready, sent once when it is.
 *
 * WHMCS sends it when CreateAccount answers success; whether before or after the status is written is not documented,
 * and does not matter here: what is compared is our own state (dossier "WHMCS", sections 9 and 22).
 */
final class WelcomeMail
{
    /** @var array<int, bool> services whose mail this process sends itself */
    private static array $sending = [];
    /** @var array<int, bool> services whose CreateAccount ran in this process: a mail then is not staff's */
    private static array $created = [];

    /** Called by CreateAccount. */
    public static function created(int $serviceId): void
    {
        self::$created[$serviceId] = true;
    }

    /** Whether WHMCS may send this mail now. */
    public static function mayGo(string $template, int $serviceId): bool
    {
        $service = $serviceId > 0 ? Hosting::find($serviceId) : null;
        // Other kinds of mail have other ids, which may be a service's by chance: the template's name tells.
        if ($service === null || !$service->isOurs() || self::template($service) !== $template) {
            return true;
        }
        if (isset(self::$sending[$serviceId])) {
            return true;
        }
        $activation = Requests::last($serviceId, 'activate');
        if ($activation === null) {
            return true; // a service that was never activated through us
        }
        if ($activation->state !== Request::DONE) {
            Services::ensure($serviceId);
            Services::moveMail($serviceId, [Services::MAIL_NONE, Services::MAIL_DUE], Services::MAIL_HELD);
            return false;
        }
        $before = [Services::MAIL_NONE, Services::MAIL_HELD, Services::MAIL_DUE];
        if (Services::moveMail($serviceId, $before, Services::MAIL_SENT)) {
            return true;
        }
        // It was sent. Staff may send it again by hand; a repeated CreateAccount may not.
        return !isset(self::$created[$serviceId]);
    }

    /** Send what was held back, once. */
    public static function deliver(int $serviceId): void
    {
        $service = Hosting::find($serviceId);
        if ($service === null || $service->isOver()) {
            return;
        }
        $isFirst = Services::moveMail($serviceId, [Services::MAIL_HELD], Services::MAIL_DUE);
        if (!Services::moveMail($serviceId, [Services::MAIL_DUE], Services::MAIL_SENT)) {
            return;
        }
        $template = self::template($service);
        if ($template === '') {
            return; // the product has no welcome mail any more
        }
        self::$sending[$serviceId] = true;
        try {
            $problem = Whmcs::sendMail($template, $serviceId);
        } catch (\Throwable $error) {
            $problem = get_class($error);
        } finally {
            unset(self::$sending[$serviceId]);
        }
        if ($problem !== '') {
            Services::moveMail($serviceId, [Services::MAIL_SENT], Services::MAIL_DUE);
            if ($isFirst) {
                Whmcs::activity("the welcome mail of service $serviceId is not sent, the cron tries again: $problem");
            }
        }
    }

    private static function template(Hosting $service): string
    {
        $id = (int) $service->product('welcomeemail');
        return $id === 0 ? '' : (string) Capsule::table('tblemailtemplates')->where('id', $id)->value('name');
    }
}
