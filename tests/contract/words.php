<?php

/**
 * Prints as JSON how the module and the simulated WHMCS in PHP spell the words of contract.json, from their own constants.
 *
 * `php words.php whmcs-module simulator/whmcs_php/root`; no database and no server is needed. Runs on PHP 8.1 or later.
 */

declare(strict_types=1);

use Dciflow\Errand\KeyPair;
use Dciflow\Page\ClientPage;
use Dciflow\Page\HeldServices;
use Dciflow\Prefect\Contract;
use Dciflow\Prefect\RunRequest;
use Dciflow\Request\Command;
use Dciflow\Request\Order;
use Dciflow\Whmcs\ModuleParams;
use Dciflow\Whmcs\HostName;
use Dciflow\Whmcs\SshKey;
use Dciflow\Whmcs\Whmcs;
use Dciflow\Whmcs\WhmcsService;
use FakeWhmcs\Api;

[, $module, $simulator] = $argv;
define('WHMCS', true);
require "$module/modules/servers/dcimanager6/dcimanager6.php";
spl_autoload_register(static function (string $class) use ($simulator): void {
    if (str_starts_with($class, 'FakeWhmcs\\')) {
        require "$simulator/lib/" . strtr($class, '\\', '/') . '.php';
    }
});

/** A class's constant, private ones too. */
function constant_of(string $class, string $name): mixed
{
    return (new ReflectionClass($class))->getConstant($name);
}

/** The values of the contract's constants whose names begin so. */
function words(string $beginning): array
{
    $all = (new ReflectionClass(Contract::class))->getConstants();
    return array_values(array_filter($all, fn ($name) => str_starts_with($name, $beginning), ARRAY_FILTER_USE_KEY));
}

function run(RunRequest $run): array
{
    return ['parameters' => array_keys($run->parameters), 'run_name' => $run->name, 'tags' => $run->tags];
}

$runs = [
    Contract::DECIDE_HELD => run(RunRequest::decision(1001, Contract::DECISION_RETRY, 'admin', 'why', 'when')),
    Contract::CHECK_PANEL => run(RunRequest::panelCheck('main-2')),
    Contract::ADOPT => run(RunRequest::adoption('main-2', [], false, 'anna')),
];
$order = Order::of(new ModuleParams([]), 7, 3);
$identity = RunRequest::identity('f00d', 7, 501, '2026-01-31');
foreach (array_keys(Whmcs::FUNCTIONS) as $flow) {
    $given = $flow === Contract::ACTIVATE ? $order : null;
    $wish = in_array($flow, Contract::TAKES_AWAY, true) ? RunRequest::wish('Active', '', false) : null;
    $parameters = RunRequest::parameters(1001, 'main-2', Contract::BY_ADMIN, $identity, $given, $wish, 'anna');
    $runs[$flow] = run(RunRequest::command($flow, $parameters, 1001, 'main-2', 7));
}
$errands = [
    Contract::POWER => ['command' => Contract::POWER_LOOK],
    Contract::REINSTALL => ['os_template' => 'Debian', 'hostname_typed' => 'web1.example.com', 'ssh_key' => 'ssh-ed25519'],
    Contract::CHANGE_ADDRESSES => ['ipv4_count' => 1, 'give_back' => '', 'ipv6_count' => null],
    Contract::CHANGE_ORDER => ['order' => $order],
    Contract::SET_PTR => ['address' => '192.0.2.10', 'name' => ''],
    Contract::RESCUE => ['command' => Contract::RESCUE_START],
    Contract::RENAME => ['hostname' => 'web2.example.com'],
    Contract::SIGN_IN => ['public_key' => KeyPair::make()->publicKey()],
];
foreach ($errands as $flow => $own) {
    $parameters = RunRequest::errand(1001, 'main-2', Contract::BY_ADMIN, $identity, $own, 'anna');
    $runs[$flow] = run(RunRequest::command($flow, $parameters, 1001, 'main-2', 7));
}

['host_names' => $hostNames, 'ssh_key' => $sshKeys] =
    json_decode(file_get_contents(__DIR__ . '/../../whmcs-module/contract.json'), true);

echo json_encode([
    'deployment' => Contract::DEPLOYMENT,
    'runs' => $runs,
    'whmcs_commands' => Whmcs::FUNCTIONS,
    'order' => array_keys($order),
    'suspension_modes' => [Order::MODE_PORTS, Order::MODE_PORTS_AND_POWER],
    'suspension_mode' => $order['suspension_mode'],
    'identity' => array_keys($identity),
    'wish' => array_keys(RunRequest::wish('Active', '', false)),
    'overtaken' => Contract::OVERTAKEN,
    'adoptee' => array_keys(RunRequest::adoptee(1001, 7, 3, false)),
    'requested_by' => words('BY_'),
    'who_longest' => Contract::WHO_LONGEST,
    'decisions' => array_keys(constant_of(HeldServices::class, 'DECISIONS')),
    'label_prefix' => Contract::LABEL_PREFIX,
    'labels' => array_values(array_diff(words('LABEL_'), [Contract::LABEL_PREFIX])),
    'steps' => words('STEP_'),
    'shown_steps' => array_keys(constant_of(ClientPage::class, 'STEPS')),
    'states' => words('STATE_'),
    'public_key' => KeyPair::make()->publicKey(),
    'sealed' => [
        'purpose' => Contract::SEALED_PURPOSE,
        'key' => Contract::SEALED_KEY,
        'page' => Contract::SIGN_IN_PAGE,
        'seconds' => Contract::SEALED_SECONDS,
    ],
    'variables' => words('VARIABLE_'),
    'variables_of_main_2' => array_map(fn ($name) => Contract::variableOf('main-2', $name), words('VARIABLE_')),
    'lists' => words('LIST_'),
    'block' => Contract::BLOCK_PANEL,
    'block_fields' => Contract::BLOCK_PANEL_FIELDS,
    'block_unsaved' => Contract::BLOCK_PANEL_UNSAVED,
    'statuses' => array_values(array_filter((new ReflectionClass(WhmcsService::class))->getConstants(), 'is_string')),
    'over' => WhmcsService::OVER,
    'host_names_read' => array_map([HostName::class, 'read'], array_keys($hostNames['read'])),
    'host_names_good' => array_map([HostName::class, 'wrong'], array_keys($hostNames['read'])),
    'host_names_refused' => array_map([HostName::class, 'wrong'], $hostNames['refused']),
    'ssh_keys_pattern' => Contract::SSH_KEY,
    'ssh_keys_read' => array_map([SshKey::class, 'read'], array_keys($sshKeys['read'])),
    'ssh_keys_refused' => array_map([SshKey::class, 'read'], $sshKeys['refused']),
    'in_use' => WhmcsService::IN_USE,
    'commands_by_status' => constant_of(Command::class, 'ALLOWED'),
    'custom_functions' => array_values(dcimanager6_AdminCustomButtonArray()),
    'local_api' => [
        ...array_values(constant_of(Whmcs::class, 'CALL_COMMANDS')),
        constant_of(Whmcs::class, 'CALL_CHANGE'),
        constant_of(Whmcs::class, 'CALL_CLIENT'),
        constant_of(Whmcs::class, 'CALL_MAIL'),
        constant_of(Whmcs::class, 'CALL_NOTIFY'),
    ],
    'simulated_role' => Api::NEEDED,
    'simulated_calls' => array_keys(constant_of(Api::class, 'ACTIONS') + constant_of(Api::class, 'COMMANDS')),
], JSON_THROW_ON_ERROR);
