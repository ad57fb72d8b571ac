<?php

declare(strict_types=1);

namespace Dciflow\Whmcs;

if (!defined('WHMCS')) {
    die('This file cannot be accessed directly');
}

/**
 * The border for text from WHMCS: its HTML is decoded once and control characters go (safety rule 20). Passwords and
 * other secrets never come here: they stay as they are, to the last character.
 */
final class PlainText
{
    // Beside those of ASCII: the other control characters, and what turns the direction of a line.
    private const CONTROLS = '/[\x00-\x1f\x7f\x{80}-\x{9f}\x{200e}\x{200f}\x{2028}-\x{202e}\x{2066}-\x{2069}]+/u';

    public static function of(string $text): string
    {
        $decoded = html_entity_decode($text, ENT_QUOTES | ENT_HTML5, 'UTF-8');
        // What is no UTF-8 is matched byte by byte.
        $clean = preg_replace(self::CONTROLS, ' ', $decoded) ?? preg_replace('/[\x00-\x1f\x7f]+/', ' ', $decoded);
        return trim((string) $clean);
    }
}
