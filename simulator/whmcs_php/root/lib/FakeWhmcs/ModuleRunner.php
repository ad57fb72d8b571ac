<?php

declare(strict_types=1);

namespace FakeWhmcs;

use Illuminate\Database\Capsule\Manager as Capsule;
use WHMCS\Module\Queue;
use WHMCS\Service\Status;

/**
 * Runs one module command as WHMCS does: hooks, function, status, mail, Module Queue.
 *
 * What a hook's veto leaves behind is not documented; here it is nothing but a text.
 * Source: https://developers.whmcs.com/provisioning-modules/core-module-functions and hooks-reference/module
 */
final class ModuleRunner
{
    public const COMMANDS = [
        'CreateAccount' => 'Create',
        'SuspendAccount' => 'Suspend',
        'UnsuspendAccount' => 'Unsuspend',
        'TerminateAccount' => 'Terminate',
        'Renew' => 'Renew',
        'ChangePackage' => 'ChangePackage',
        'ChangePassword' => 'ChangePassword',
    ];
    private const ABORTED = 'Function Aborted by Hook';
    private const STATUSES = [
        'CreateAccount' => Status::ACTIVE,
        'SuspendAccount' => Status::SUSPENDED,
        'UnsuspendAccount' => Status::ACTIVE,
        'TerminateAccount' => Status::TERMINATED,
    ];

    /** 'success', or the text of why not. $more: further keys of $params */
    public static function command(
        int $serviceId,
        string $command,
        Actor $by,
        ?int $addonId = null,
        array $more = []
    ): string {
        $word = self::COMMANDS[$command] ?? throw new \InvalidArgumentException("no command $command");
        $params = $more + Params::ofService($serviceId, $addonId);
        $result = self::withPreHook($word, $command, $params);
        if ($result === self::ABORTED) {
            return $result;
        }
        $module = (string) $params['moduletype'];
        if ($result !== 'success') {
            Hooks::run("AfterModule{$word}Failed", ['params' => $params, 'failureResponseMessage' => $result]);
            Activity::log("Module $word Failed - Service ID: $serviceId - Error: $result", (int) $params['userid']);
            if ($by->isAutomated()) {
                Queue::add('service', $serviceId, $module, $command, $result);
                Mail::toAdmins('Automated Module Action Failed', "$command of service $serviceId: $result");
            }
            return $result;
        }
        self::follow($word, $command, $params);
        Queue::resolve('service', $serviceId, $module, $command);
        Activity::log("Module $word Successful - Service ID: $serviceId", (int) $params['userid']);
        return $result;
    }

    /** A custom function of the module, for staff's buttons and the API. */
    public static function custom(int $serviceId, string $function): string
    {
        $params = Params::ofService($serviceId);
        $result = self::withPreHook('Custom', $function, $params);
        if ($result !== self::ABORTED) {
            $hook = $result === 'success' ? 'AfterModuleCustom' : 'AfterModuleCustomFailed';
            Hooks::run($hook, ['params' => $params, 'failureResponseMessage' => $result]);
        }
        return $result;
    }

    /** Staff press Retry in the Module Queue. */
    public static function retry(int $queueId): string
    {
        $row = Capsule::table('tblmodulequeue')->find($queueId);
        $result = self::command((int) $row->service_id, $row->module_action, Actor::Admin);
        if ($result !== 'success') {
            Queue::add($row->service_type, $row->service_id, $row->module_name, $row->module_action, $result);
        }
        return $result;
    }

    private static function withPreHook(string $word, string $function, array &$params): string
    {
        foreach (Hooks::run("PreModule$word", ['params' => $params]) as $returned) {
            if (is_array($returned) && !empty($returned['abortcmd'])) {
                return self::ABORTED;
            }
            $params = (is_array($returned) ? $returned : []) + $params;
        }
        try {
            $result = Modules::call((string) $params['moduletype'], $function, $params);
        } catch (\Throwable $error) {
            Faults::uncaught($error);
            return $error->getMessage();
        }
        return is_string($result) && $result !== '' ? $result : 'The module did not answer with a text';
    }

    private static function follow(string $word, string $command, array $params): void
    {
        foreach (explode(',', Flags::get('order')) as $step) {
            match ($step) {
                'status' => self::write($command, $params),
                'hook' => Hooks::run("AfterModule$word", self::vars($command, $params)),
                'mail' => $command === 'CreateAccount' && Mail::welcome((int) $params['serviceid']),
            };
        }
    }

    private static function vars(string $command, array $params): array
    {
        return $command !== 'ChangePassword' ? ['params' => $params] : [
            'serviceid' => $params['serviceid'],
            'oldpassword' => $params['oldpassword'] ?? '',
            'newpassword' => $params['password'],
        ];
    }

    private static function write(string $command, array $params): void
    {
        $columns = isset(self::STATUSES[$command]) ? ['domainstatus' => self::STATUSES[$command]] : [];
        $columns += match ($command) {
            'SuspendAccount' => ['suspendreason' => $params['suspendreason'] ?? ''],
            'UnsuspendAccount' => ['suspendreason' => ''],
            'TerminateAccount' => ['termination_date' => date('Y-m-d')],
            'ChangePassword' => ['password' => encrypt($params['password'])],
            default => [],
        };
        if ($columns !== []) {
            Capsule::table('tblhosting')->where('id', $params['serviceid'])->update($columns);
        }
    }
}
