<?php

declare(strict_types=1);

namespace Dciflow\Whmcs;

use Dciflow\Page\Text;

if (!defined('WHMCS')) {
    die('This file cannot be accessed directly');
}

/** A server's host name as clients type it; contract.json has examples that the flows read alike. */
final class HostName
{
    private const LONGEST = 253; // characters; RFC 1123
    private const LABEL = '/\A[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\z/';

    /** The name as the panel takes it; what cannot be read with certainty is left as it is. */
    public static function read(string $typed): string
    {
        $name = (string) preg_replace('#\Ahttps?://#i', '', PlainText::of($typed));
        $name = rtrim(explode('/', $name, 2)[0], '.');
        if (preg_match('/\A[\x00-\x7f]*\z/', $name) === 1) {
            return strtolower($name);
        }
        $ascii = function_exists('idn_to_ascii') ? idn_to_ascii($name, 0, INTL_IDNA_VARIANT_UTS46) : false;
        return $ascii === false ? $name : strtolower($ascii);
    }

    /** Why it cannot be a server's host name; null: it can, or there is none. */
    public static function wrong(string $typed): ?string
    {
        $name = self::read($typed);
        if ($name === '') {
            return null;
        }
        $shown = Text::oneLine(Text::cut($typed, 100));
        if (preg_match('/\A\d{1,3}(\.\d{1,3}){3}\z/', $name) === 1) {
            return "\"$shown\" is an IP address and no host name: write a name such as web1.example.com.";
        }
        if (strpos($name, '_') !== false) {
            return "\"$shown\" is no host name: it has an underscore. Use hyphens, for example web-1.example.com.";
        }
        // Without PHP's intl the flow reads names of other scripts.
        $isOfOtherScript = preg_match('/[^\x00-\x7f]/', $name) === 1 && !function_exists('idn_to_ascii');
        foreach ($isOfOtherScript ? [] : explode('.', $name) as $label) {
            if (preg_match(self::LABEL, $label) !== 1 || strlen($name) > self::LONGEST) {
                return "\"$shown\" is no host name: use letters, digits, hyphens and dots, as in web1.example.com.";
            }
        }
        return null;
    }
}
