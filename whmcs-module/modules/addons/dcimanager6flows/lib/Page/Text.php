<?php

declare(strict_types=1);

namespace Dciflow\Page;

if (!defined('WHMCS')) {
    die('This file cannot be accessed directly');
}

/** Makes text from outside fit to be shown. */
final class Text
{
    private const LONGEST = 600; // characters; the Module Queue and the activity log show one line

    /** One line without control characters or angle brackets: WHMCS does not say which of its pages escape. */
    public static function oneLine(string $text): string
    {
        $clean = preg_replace('/[\x00-\x20\x7f]+/', ' ', $text);
        $clean = strtr(trim((string) $clean), ['<' => '(', '>' => ')']);
        return strlen($clean) <= self::LONGEST ? $clean : self::cut($clean, self::LONGEST) . '...';
    }

    /** The first bytes of a text, without half a character at the end. */
    public static function cut(string $text, int $bytes): string
    {
        if (strlen($text) <= $bytes) {
            return $text;
        }
        $end = $bytes;
        while ($end > 0 && (ord($text[$end]) & 0xc0) === 0x80) {
            $end--; // the first byte that is left out is not in the middle of a character
        }
        return substr($text, 0, $end);
    }

    /** Plain text as HTML. */
    public static function html(string $text): string
    {
        return htmlspecialchars($text, ENT_QUOTES | ENT_SUBSTITUTE, 'UTF-8');
    }

    /** The part before the pipe of WHMCS's `value|Friendly label`. */
    public static function beforePipe(string $text): string
    {
        return trim(explode('|', $text, 2)[0]);
    }
}
