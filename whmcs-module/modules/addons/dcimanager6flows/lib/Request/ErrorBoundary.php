<?php

declare(strict_types=1);

namespace Dciflow\Request;

use Dciflow\Page\Text;
use Dciflow\Prefect\PrefectError;
use Dciflow\Whmcs\Whmcs;

if (!defined('WHMCS')) {
    die('This file cannot be accessed directly');
}

/** No error of ours may break a page of WHMCS: every function that WHMCS calls runs in here. */
final class ErrorBoundary
{
    /** Run it and return its text, or one line of what went wrong. */
    public static function text(callable $work): string
    {
        try {
            return $work();
        } catch (\Throwable $error) {
            return self::line($error);
        }
    }

    /** One line of what went wrong, for staff. */
    public static function line(\Throwable $error): string
    {
        $isForeseen = $error instanceof Refusal || $error instanceof PrefectError;
        return $isForeseen ? Text::oneLine($error->getMessage()) : self::unforeseen($error);
    }

    /** Run it; an error becomes one line of the activity log. */
    public static function quietly(callable $work): void
    {
        try {
            $work();
        } catch (\Throwable $error) {
            self::log(self::line($error));
        }
    }

    /** The text of an unforeseen error may quote a password, so only its class and its place are shown. */
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
            // The activity log itself is broken: there is no other place to report to.
        }
    }
}
