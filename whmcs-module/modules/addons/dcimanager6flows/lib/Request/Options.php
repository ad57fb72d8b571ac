<?php

declare(strict_types=1);

namespace Dciflow\Request;

if (!defined('WHMCS')) {
    die('This file cannot be accessed directly');
}

/**
 * The configurable options that the manual names, and the look-alikes that do nothing.
 *
 * Source: DCImanager manual, Integration with WHMCS, "Configurable options": "Other names are not supported."
 */
final class Options
{
    public const OS = ['OS', 'os', 'ostemplate'];
    public const IP = ['ip', 'IP', 'ipv4', 'IPv4'];

    // Letters and digits only, in small letters.
    private const LOOKS_LIKE = '/\A(os|ostemplates?|operat(ing|ion)systems?|system|template|image'
        . '|ips?|ipv4s?|ip(v4)?address(es)?|ip(v4)?addr|address(es)?'
        . '|(number|count|amount)of(ipv4|ip)(address(es|e)?|s)?)\z/';

    /** @param array<string, string> $options @param list<string> $names */
    public static function value(array $options, array $names): ?string
    {
        foreach ($names as $name) {
            if (isset($options[$name]) && $options[$name] !== '') {
                return $options[$name];
            }
        }
        return null;
    }

    /**
     * Names that look like one of ours and are not.
     *
     * @param array<string, string> $options
     * @return list<string>
     */
    public static function misspelt(array $options): array
    {
        $names = [];
        foreach (array_keys($options) as $name) {
            $name = (string) $name;
            $plain = strtolower((string) preg_replace('/[^A-Za-z0-9]/', '', $name));
            if (!in_array($name, array_merge(self::OS, self::IP), true) && preg_match(self::LOOKS_LIKE, $plain) === 1) {
                $names[] = $name;
            }
        }
        return $names;
    }
}
