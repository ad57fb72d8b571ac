<?php

declare(strict_types=1);

namespace Dciflow\Request;

if (!defined('WHMCS')) {
    die('This file cannot be accessed directly');
}

/** It is not done, and nothing is half done. The text is one line for the host's staff: what happened, what to do. */
final class Refusal extends \RuntimeException
{
}
