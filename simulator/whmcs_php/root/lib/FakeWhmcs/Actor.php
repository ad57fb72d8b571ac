<?php

declare(strict_types=1);

namespace FakeWhmcs;

/**
 * Who has WHMCS do something: sets the session as WHMCS would for them.
 *
 * automation and payment have nobody logged in; failures of theirs go to the Module Queue.
 */
enum Actor: string
{
    case Automation = 'automation';
    case Payment = 'payment';
    case Admin = 'admin';
    case Client = 'client';
    /** Staff who look at the client area as a client ("Login as Client"). */
    case StaffAsClient = 'staff as client';
    case Api = 'api';

    public function enter(int $clientId = 0): void
    {
        $_SESSION = match ($this) {
            self::Automation, self::Payment => [],
            self::Admin => ['adminid' => Schema::ADMIN],
            self::Client => ['uid' => $clientId],
            self::StaffAsClient => ['uid' => $clientId, 'adminid' => Schema::ADMIN],
            self::Api => Flags::get('api_has_admin') === '' ? [] : ['adminid' => Schema::ADMIN],
        };
        // WHMCS's pages say where they are; each request is a process of its own.
        if ($this === self::Client || $this === self::StaffAsClient) {
            defined('CLIENTAREA') || define('CLIENTAREA', true);
        } elseif ($this === self::Api) {
            $_SERVER['SCRIPT_NAME'] = '/whmcs/includes/api.php';
        }
    }

    public function isAutomated(): bool
    {
        return $this === self::Automation || $this === self::Payment;
    }
}
