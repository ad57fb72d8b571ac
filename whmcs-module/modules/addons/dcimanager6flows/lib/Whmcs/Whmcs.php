<?php

declare(strict_types=1);

namespace Dciflow\Whmcs;

use Dciflow\Page\Text;
use Dciflow\Prefect\Contract;
use Dciflow\Request\Request;
use Dciflow\Store\ServiceCache;

if (!defined('WHMCS')) {
    die('This file cannot be accessed directly');
}

/** WHMCS's own functions that we call, each answer checked. */
final class Whmcs
{
    // Calls of WHMCS's API that go through localAPI.
    private const CALL_CLIENT = 'GetClientsDetails';
    private const CALL_MAIL = 'SendEmail';
    private const CALL_NOTIFY = 'TriggerNotificationEvent';
    private const CALL_CHANGE = 'ModuleChangePackage';
    public const CHANGE = 'ChangePackage';
    private const CALL_COMMANDS = [
        Contract::ACTIVATE => 'ModuleCreate',
        Contract::SUSPEND => 'ModuleSuspend',
        Contract::UNSUSPEND => 'ModuleUnsuspend',
        Contract::TERMINATE => 'ModuleTerminate',
    ];
    public const FUNCTIONS = [
        Contract::ACTIVATE => 'CreateAccount',
        Contract::SUSPEND => 'SuspendAccount',
        Contract::UNSUSPEND => 'UnsuspendAccount',
        Contract::TERMINATE => 'TerminateAccount',
    ];

    /** Have WHMCS run the command of an action; '' or why it did not work. */
    public static function command(string $action, int $serviceId): string
    {
        return self::api(self::CALL_COMMANDS[$action], ['serviceid' => $serviceId]);
    }

    public static function sendMail(string $template, int $serviceId): string
    {
        return self::api(self::CALL_MAIL, ['messagename' => $template, 'id' => $serviceId]);
    }

    /** Whether the client's e-mail address is verified; what cannot be read counts as not verified. */
    public static function isVerified(int $clientId): bool
    {
        $answer = localAPI(self::CALL_CLIENT, ['clientid' => $clientId, 'stats' => false]);
        $client = is_array($answer) && is_array($answer['client'] ?? null) ? $answer['client'] : $answer;
        $verified = is_array($client) ? ($client['email_verified'] ?? false) : false;
        return in_array($verified, [true, 1, '1', 'true', 'on'], true);
    }

    /** Tell staff, by whatever channels the host's notification rules name. */
    public static function notify(string $title, string $message, string $url): void
    {
        self::api(self::CALL_NOTIFY, [
            'notification_identifier' => 'dciflow',
            'title' => $title,
            'message' => $message,
            'url' => $url,
            'status' => 'Failed',
            'statusStyle' => 'danger',
        ]);
    }

    /** One line of the activity log, which is always on. */
    public static function activity(string $text, int $clientId = 0): void
    {
        logActivity('dciflow: ' . Text::oneLine($text), $clientId);
    }

    public static function queue(Request $request, string $reason): void
    {
        if (class_exists('WHMCS\Module\Queue')) {
            $function = self::FUNCTIONS[$request->action];
            \WHMCS\Module\Queue::add('service', $request->serviceId, ServiceCache::MODULE, $function, $reason);
        }
    }

    public static function resolve(Request $request): void
    {
        if (class_exists('WHMCS\Module\Queue')) {
            $function = self::FUNCTIONS[$request->action];
            \WHMCS\Module\Queue::resolve('service', $request->serviceId, ServiceCache::MODULE, $function);
        }
    }

    /** Have WHMCS run ChangePackage with what the service's product and options are now; '' or why it did not work. */
    public static function changePackage(int $serviceId): string
    {
        return self::api(self::CALL_CHANGE, ['serviceid' => $serviceId]);
    }

    public static function queueChange(int $serviceId, string $reason): void
    {
        if (class_exists('WHMCS\Module\Queue')) {
            \WHMCS\Module\Queue::add('service', $serviceId, ServiceCache::MODULE, self::CHANGE, $reason);
        }
    }

    /** @param array<string, mixed> $data */
    private static function api(string $command, array $data): string
    {
        $answer = localAPI($command, $data);
        if (is_array($answer) && ($answer['result'] ?? '') === 'success') {
            return '';
        }
        $why = is_array($answer) ? (string) ($answer['message'] ?? '') : '';
        return Text::oneLine("$command: " . ($why !== '' ? $why : 'no success'));
    }
}
