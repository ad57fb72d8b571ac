<?php

declare(strict_types=1);

namespace Dciflow\Request;

if (!defined('WHMCS')) {
    die('This file cannot be accessed directly');
}

/** How long a module call may still take. WHMCS waits for it in a web request or in its cron. */
final class Deadline
{
    private float $end;

    public function __construct(float $seconds)
    {
        $this->end = microtime(true) + $seconds;
    }

    public function seconds(): float
    {
        return max(0.0, $this->end - microtime(true));
    }

    public function isOver(): bool
    {
        return $this->seconds() <= 0.0;
    }

    /** Sleep, but never past the end. */
    public function sleep(float $seconds): void
    {
        usleep((int) (min($seconds, $this->seconds()) * 1000000));
    }
}
