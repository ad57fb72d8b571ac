<?php

declare(strict_types=1);

namespace Dciflow\Errand;

use Dciflow\Prefect\Contract;

if (!defined('WHMCS')) {
    die('This file cannot be accessed directly');
}

/** The private half of the key pair that a sign-in under way is answered for: in this PHP session, nowhere else. */
final class SignInSession
{
    private const NAME = 'dciflow_sign_in';

    /** The pair of the sign-in that this session waits for; null: it waits for none, or has waited for too long. */
    public static function waiting(int $serviceId): ?KeyPair
    {
        $kept = $_SESSION[self::NAME][$serviceId] ?? null;
        $isOver = !is_array($kept) || (int) ($kept['until'] ?? 0) < time();
        $pair = $isOver ? null : KeyPair::of($kept['private'] ?? null);
        if ($pair === null) {
            self::forget($serviceId);
        }
        return $pair;
    }

    public static function keep(int $serviceId, KeyPair $pair): void
    {
        $_SESSION[self::NAME][$serviceId] = [
            'private' => $pair->kept(),
            'until' => time() + Contract::SEALED_SECONDS,
        ];
    }

    public static function forget(int $serviceId): void
    {
        unset($_SESSION[self::NAME][$serviceId]);
        if (empty($_SESSION[self::NAME])) {
            unset($_SESSION[self::NAME]);
        }
    }
}
