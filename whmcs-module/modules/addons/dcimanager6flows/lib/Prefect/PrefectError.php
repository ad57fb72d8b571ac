<?php

declare(strict_types=1);

namespace Dciflow\Prefect;

if (!defined('WHMCS')) {
    die('This file cannot be accessed directly');
}

/** Prefect did not do what it was asked; the text is one line that never quotes a body. */
final class PrefectError extends \RuntimeException
{
    /** False only when Prefect cannot have accepted the call: then nothing started. */
    public bool $maybeReceived;

    /** True when it was answered that this call is not allowed: another one may be. */
    public bool $isRefused;

    public function __construct(string $text, bool $maybeReceived, bool $isRefused = false)
    {
        parent::__construct($text);
        $this->maybeReceived = $maybeReceived;
        $this->isRefused = $isRefused;
    }
}
