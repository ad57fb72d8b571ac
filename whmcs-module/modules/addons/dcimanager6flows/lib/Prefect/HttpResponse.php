<?php

declare(strict_types=1);

namespace Dciflow\Prefect;

if (!defined('WHMCS')) {
    die('This file cannot be accessed directly');
}

/** What Prefect answered: an HTTP status and, when it was JSON, the decoded body. */
final class HttpResponse
{
    public int $status;
    /** @var array<int|string, mixed>|null */
    public ?array $json;

    /** @param array<int|string, mixed>|null $json */
    public function __construct(int $status, ?array $json)
    {
        $this->status = $status;
        $this->json = $json;
    }

    public function isFine(): bool
    {
        return $this->status >= 200 && $this->status < 300;
    }

    /** @return mixed the value of a key of the body, null when it is not there */
    public function get(string $key)
    {
        return $this->json[$key] ?? null;
    }

    public function text(string $key): string
    {
        $value = $this->get($key);
        return is_scalar($value) ? (string) $value : '';
    }
}
