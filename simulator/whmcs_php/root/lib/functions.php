<?php

/**
 * The global functions that WHMCS gives to modules.
 *
 * Source: https://developers.whmcs.com/hooks, advanced/logging, api/internal-api
 */

declare(strict_types=1);

use FakeWhmcs\Activity;
use FakeWhmcs\Api;
use FakeWhmcs\Crypt;
use FakeWhmcs\Hooks;
use FakeWhmcs\ModuleLog;
use FakeWhmcs\Token;

function add_hook(string $name, int $priority, callable $function): void
{
    Hooks::add($name, $priority, $function);
}

/** @return list<mixed> what the hooks returned, nulls left out */
function run_hook(string $name, array $vars): array
{
    return Hooks::run($name, $vars);
}

function logModuleCall($module, $action, $request, $response, $processed = '', $replaceVars = []): void
{
    ModuleLog::write((string) $module, (string) $action, $request, $response, $processed, (array) $replaceVars);
}

function logActivity($message, $clientId = 0): void
{
    Activity::log((string) $message, (int) $clientId);
}

function localAPI($command, $values = [], $adminUsername = ''): array
{
    return Api::answer((string) $command, (array) $values);
}

function encrypt($text): string
{
    return Crypt::encrypt((string) $text);
}

function decrypt($text): string
{
    return Crypt::decrypt((string) $text);
}

function generate_token($type = 'form'): string
{
    return Token::generate((string) $type);
}

function check_token($purpose = 'WHMCS.default', $token = null): void
{
    Token::check($token);
}
