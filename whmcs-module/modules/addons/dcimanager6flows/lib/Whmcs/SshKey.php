<?php

declare(strict_types=1);

namespace Dciflow\Whmcs;

use Dciflow\Prefect\Contract;

if (!defined('WHMCS')) {
    die('This file cannot be accessed directly');
}

/** An SSH public key as clients paste it; contract.json has examples that the flows read alike. */
final class SshKey
{
    /** The type and the base64, without the comment; null: it is no such key. */
    public static function read(string $pasted): ?string
    {
        $line = trim(html_entity_decode($pasted, ENT_QUOTES | ENT_HTML5, 'UTF-8'));
        if (preg_match('/[\r\n]/', $line) === 1) {
            return null;
        }
        $words = preg_split('/[ \t]+/', $line, 3);
        $key = implode(' ', array_slice($words === false ? [] : $words, 0, 2));
        if (preg_match(Contract::SSH_KEY, $key) !== 1) {
            return null;
        }
        $base64 = explode(' ', $key)[1];
        return base64_encode((string) base64_decode($base64, true)) === $base64 ? $key : null;
    }
}
