<?php

declare(strict_types=1);

namespace WHMCS\Module\Server;

/**
 * An item of the client area that calls a function of the module and sends the browser where that says.
 *
 * Source: https://developers.whmcs.com/classes/whmcs/module/server/customaction
 */
final class CustomAction
{
    /** @param list<string> $permissions */
    private function __construct(
        private string $identifier,
        private string $display,
        private mixed $callable,
        private array $params,
        private array $permissions,
    ) {
    }

    public static function factory(
        string $identifier,
        string $display,
        $callable,
        array $params = [],
        array $permissions = [],
        bool $active = true,
        bool $allowSamePage = false,
        bool $preferIsolation = false,
    ): self {
        return new self($identifier, $display, $callable, $params, $permissions);
    }

    public function getIdentifier(): string
    {
        return $this->identifier;
    }

    public function getDisplay(): string
    {
        return $this->display;
    }

    public function invokeCallable(): array
    {
        return ($this->callable)(...$this->params);
    }

    /** @return list<string> */
    public function getPermissions(): array
    {
        return $this->permissions;
    }
}
