<?php

declare(strict_types=1);

namespace FakeWhmcs;

/** Reversible encryption that gives another text each time, as WHMCS's. Its key protects nothing. */
final class Crypt
{
    private const CIPHER = 'aes-256-cbc';
    private const KEY = 'the simulator has no real secrets';

    public static function encrypt(string $text): string
    {
        $start = random_bytes(16);
        return base64_encode($start . openssl_encrypt($text, self::CIPHER, self::KEY, OPENSSL_RAW_DATA, $start));
    }

    /** The text, or rubbish for what was never encrypted: WHMCS raises no error there. */
    public static function decrypt(string $text): string
    {
        $bytes = (string) base64_decode($text);
        $plain = openssl_decrypt(substr($bytes, 16), self::CIPHER, self::KEY, OPENSSL_RAW_DATA, str_pad(substr($bytes, 0, 16), 16));
        return $plain === false ? md5($text) : $plain;
    }
}
