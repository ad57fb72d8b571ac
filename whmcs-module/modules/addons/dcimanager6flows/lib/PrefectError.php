<?php

declare(strict_types=1);

namespace Dciflow;

if (!defined('WHMCS')) {
    die('This file cannot be accessed directly');
}

/** Prefect did not do what it was asked; the text is one line that never quotes a body. */
final class PrefectError extends \RuntimeException
{
    /** False only when Prefect cannot have accepted the call: then nothing started. */
    public bool $maybeReceived;

    public function __construct(string $text, bool $maybeReceived)
    {
        parent::__construct($text);
        $this->maybeReceived = $maybeReceived;
    }
}
