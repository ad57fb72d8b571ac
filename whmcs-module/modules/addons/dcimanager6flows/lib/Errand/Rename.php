<?php

declare(strict_types=1);

namespace Dciflow\Errand;

use Dciflow\Prefect\Contract;
use Dciflow\Whmcs\HostName;

if (!defined('WHMCS')) {
    die('This file cannot be accessed directly');
}

/** The host name of a service's server. The flow sets it on the panel and writes it into WHMCS. */
final class Rename
{
    private const LONGEST = 253; // characters of a host name; RFC 1123

    /** The form of the client's page. @param array<string, mixed> $params */
    public static function byClient(array $params): string
    {
        $typed = $_POST['hostname'] ?? '';
        return self::ask($params, is_string($typed) ? trim($typed) : '');
    }

    /** @param array<string, mixed> $params */
    public static function ask(array $params, string $typed): string
    {
        $name = HostName::read($typed);
        if ($name === '' || strlen($name) > self::LONGEST || HostName::wrong($name) !== null) {
            return 'Write a host name, such as web1.example.com.';
        }
        return ErrandPress::run(Contract::RENAME, $params, ['hostname' => $name]);
    }
}
