<?php

declare(strict_types=1);

namespace Stage;

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
    case Api = 'api';

    public function enter(int $clientId = 0): void
    {
        $_SESSION = match ($this) {
            self::Automation, self::Payment => [],
            self::Admin => ['adminid' => Schema::ADMIN],
            self::Client => ['uid' => $clientId],
            self::Api => Switches::get('api_has_admin') === '' ? [] : ['adminid' => Schema::ADMIN],
        };
    }

    public function isAutomated(): bool
    {
        return $this === self::Automation || $this === self::Payment;
    }
}
