<?php

declare(strict_types=1);

namespace Dciflow\Errand;

use Dciflow\Prefect\Contract;
use Dciflow\Whmcs\HostName;

if (!defined('WHMCS')) {
    die('This file cannot be accessed directly');
}

/** The reverse name of one of a service's addresses. The flow knows whose the address is, and where the name leads. */
final class ReverseName
{
    private const LONGEST = 253; // characters of a host name; RFC 1035

    /** The form of the client's page. @param array<string, mixed> $params */
    public static function byClient(array $params): string
    {
        return self::ask($params, self::posted('address'), self::posted('name'));
    }

    /** @param array<string, mixed> $params */
    public static function ask(array $params, string $address, string $name): string
    {
        if (filter_var($address, FILTER_VALIDATE_IP, FILTER_FLAG_IPV4) === false) {
            return 'Choose one of the IPv4 addresses of your service.';
        }
        $name = HostName::read($name);
        if (strlen($name) > self::LONGEST || ($name !== '' && HostName::wrong($name) !== null)) {
            return 'Write a full host name, such as web1.example.com, or nothing to take the name away.';
        }
        return ErrandPress::run(Contract::SET_PTR, $params, ['address' => $address, 'name' => $name]);
    }

    private static function posted(string $name): string
    {
        $value = $_POST[$name] ?? '';
        return is_string($value) ? trim($value) : '';
    }
}
