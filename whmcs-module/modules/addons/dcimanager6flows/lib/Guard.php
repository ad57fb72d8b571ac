<?php

declare(strict_types=1);

namespace Dciflow;

if (!defined('WHMCS')) {
    die('This file cannot be accessed directly');
}

/** Nothing of ours may break a page of WHMCS: every way in goes through here. */
final class Guard
{
    /** Run it and return its text, or one line of what went wrong. */
    public static function text(callable $work): string
    {
        try {
            return $work();
        } catch (Refusal | PrefectError $error) {
            return Text::oneLine($error->getMessage());
        } catch (\Throwable $error) {
            return self::unforeseen($error);
        }
    }

    /** Run it; what goes wrong is one line of the activity log. */
    public static function quietly(callable $work): void
    {
        try {
            $work();
        } catch (Refusal | PrefectError $error) {
            self::log($error->getMessage());
        } catch (\Throwable $error) {
            self::log(self::unforeseen($error));
        }
    }

    /** What nobody foresaw may quote anything, a password too: of that only the kind and the place are shown. */
    private static function unforeseen(\Throwable $error): string
    {
        return 'Something unforeseen went wrong: ' . get_class($error) . ' in ' . basename($error->getFile()) . ':'
            . $error->getLine() . '. Press Retry; if it comes again, report it.';
    }

    private static function log(string $text): void
    {
        try {
            Whmcs::activity($text);
        } catch (\Throwable $error) {
            // There is nobody left to tell.
        }
    }
}
