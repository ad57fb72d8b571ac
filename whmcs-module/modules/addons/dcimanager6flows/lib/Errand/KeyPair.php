<?php

declare(strict_types=1);

namespace Dciflow\Errand;

use Dciflow\Prefect\Contract;
use Dciflow\Request\Refusal;

if (!defined('WHMCS')) {
    die('This file cannot be accessed directly');
}

/**
 * A pair of keys for one request, whose run hands back a secret that only the private half opens.
 *
 * How it is sealed: whmcs-module/contract.json, "sealed". PHP's sodium is needed, which PHP has brought along since 7.2.
 */
final class KeyPair
{
    private const BYTES = 32; // of each half
    private const KEY_BYTES = 32; // of ChaCha20-Poly1305
    private const NONCE_BYTES = 12;
    private const TAG_BYTES = 16;
    private const NEEDED = ['sodium_crypto_scalarmult', 'sodium_crypto_aead_chacha20poly1305_ietf_decrypt'];

    private string $private;
    private string $public;

    private function __construct(string $private)
    {
        $this->private = $private;
        $this->public = sodium_crypto_scalarmult_base($private);
    }

    /** A new pair. @throws Refusal this PHP cannot open what is sealed */
    public static function make(): self
    {
        foreach (self::NEEDED as $function) {
            if (!function_exists($function)) {
                throw new Refusal('PHP on this machine has no sodium: install its extension (php-sodium) to sign in.');
            }
        }
        return new self(random_bytes(self::BYTES));
    }

    /** The pair that `kept` gave; null where it is none. @param mixed $kept */
    public static function of($kept): ?self
    {
        $private = is_string($kept) ? base64_decode($kept, true) : false;
        return is_string($private) && strlen($private) === self::BYTES ? new self($private) : null;
    }

    /** The private half, for the session and for nothing else. */
    public function kept(): string
    {
        return base64_encode($this->private);
    }

    /** The public half as it is sent. */
    public function publicKey(): string
    {
        return rtrim(strtr(base64_encode($this->public), '+/', '-_'), '=');
    }

    /** What was sealed for this pair; null: it was not, or it was changed on its way. */
    public function open(string $sealed): ?string
    {
        $raw = base64_decode(strtr($sealed, '-_', '+/'), true);
        if (!is_string($raw) || strlen($raw) <= self::BYTES + self::TAG_BYTES) {
            return null;
        }
        $theirs = substr($raw, 0, self::BYTES);
        try {
            $shared = sodium_crypto_scalarmult($this->private, $theirs);
            $info = Contract::SEALED_PURPOSE . $theirs . $this->public;
            $made = hash_hkdf('sha256', $shared, self::KEY_BYTES + self::NONCE_BYTES, $info);
            $opened = sodium_crypto_aead_chacha20poly1305_ietf_decrypt(
                substr($raw, self::BYTES),
                '',
                substr($made, self::KEY_BYTES),
                substr($made, 0, self::KEY_BYTES)
            );
        } catch (\SodiumException $error) {
            return null;
        }
        return is_string($opened) ? $opened : null;
    }
}
