<?php

declare(strict_types=1);

namespace Dciflow\Whmcs;

use Dciflow\Prefect\Contract;
use Dciflow\Request\Request;
use Dciflow\Request\Requests;
use Dciflow\Store\ServiceCache;
use WHMCS\Database\Capsule;

if (!defined('WHMCS')) {
    die('This file cannot be accessed directly');
}

/**
 * The product's welcome mail: held back while the server is not ready, sent once when it is.
 *
 * WHMCS sends it when CreateAccount answers success. Whether it writes the status before or after is not documented and
 * does not matter here: only our own state is compared.
 * Source: https://developers.whmcs.com/hooks-reference/everything-else (EmailPreSend)
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
        $service = $serviceId > 0 ? WhmcsService::find($serviceId) : null;
        // Other kinds of mail have other ids, which may be a service's by chance: the template's name tells.
        if ($service === null || !$service->isOurs() || self::template($service) !== $template) {
            return true;
        }
        if (isset(self::$sending[$serviceId])) {
            return true;
        }
        $activation = Requests::last($serviceId, Contract::ACTIVATE);
        if ($activation === null) {
            return true; // a service that was never activated through us
        }
        if (!$service->hasIdentity($activation->whose())) {
            return false; // the service that had the number before was activated, this one was not
        }
        if ($activation->state !== Request::DONE) {
            ServiceCache::ensure($serviceId);
            ServiceCache::moveMail($serviceId, [ServiceCache::MAIL_NONE, ServiceCache::MAIL_DUE], ServiceCache::MAIL_HELD);
            return false;
        }
        $before = [ServiceCache::MAIL_NONE, ServiceCache::MAIL_HELD, ServiceCache::MAIL_DUE];
        if (ServiceCache::moveMail($serviceId, $before, ServiceCache::MAIL_SENT)) {
            return true;
        }
        // It was sent. Staff may send it again by hand; a repeated CreateAccount may not.
        return !isset(self::$created[$serviceId]);
    }

    /** The OS was installed anew, or the rescue system runs: its client gets the password as they got the first one. */
    public static function again(int $serviceId): void
    {
        ServiceCache::moveMail($serviceId, [ServiceCache::MAIL_NONE, ServiceCache::MAIL_SENT], ServiceCache::MAIL_DUE);
        self::deliver($serviceId);
    }

    /** Send what was held back, once. */
    public static function deliver(int $serviceId): void
    {
        $service = WhmcsService::find($serviceId);
        if ($service === null || $service->isOver() || ServiceCache::of($service) === null) {
            return;
        }
        $isFirst = ServiceCache::moveMail($serviceId, [ServiceCache::MAIL_HELD], ServiceCache::MAIL_DUE);
        if (!ServiceCache::moveMail($serviceId, [ServiceCache::MAIL_DUE], ServiceCache::MAIL_SENT)) {
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
            ServiceCache::moveMail($serviceId, [ServiceCache::MAIL_SENT], ServiceCache::MAIL_DUE);
            if ($isFirst) {
                Whmcs::activity("the welcome mail of service $serviceId is not sent, the cron tries again: $problem");
            }
        }
    }

    private static function template(WhmcsService $service): string
    {
        $id = (int) $service->product('welcomeemail');
        return $id === 0 ? '' : (string) Capsule::table('tblemailtemplates')->where('id', $id)->value('name');
    }
}
