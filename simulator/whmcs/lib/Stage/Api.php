<?php

declare(strict_types=1);

namespace Stage;

use Illuminate\Database\Capsule\Manager as Capsule;

/**
 * What includes/api.php and localAPI() answer.
 *
 * Source: dossier "WHMCS", section 13.
 */
final class Api
{
    /** What the role of dciflow's credential may call unless a test says otherwise. */
    public const NEEDED = [
        'GetClientsDetails', 'GetClientsProducts', 'UpdateClientProduct', 'SendEmail', 'LogActivity', 'ModuleCustom',
    ];
    private const MASKED = ['identifier', 'secret', 'servicepassword', 'password', 'accesskey'];
    private const ACTIONS = [
        'GetClientsDetails' => [ApiReads::class, 'client'],
        'GetClientsProducts' => [ApiReads::class, 'services'],
        'GetModuleQueue' => [ApiReads::class, 'queue'],
        'WhmcsDetails' => [ApiReads::class, 'version'],
        'UpdateClientProduct' => [ApiWrites::class, 'update'],
        'SendEmail' => [ApiWrites::class, 'mail'],
        'SendAdminEmail' => [ApiWrites::class, 'adminMail'],
        'LogActivity' => [ApiWrites::class, 'log'],
        'TriggerNotificationEvent' => [ApiWrites::class, 'notify'],
        'EncryptPassword' => [ApiWrites::class, 'encrypt'],
        'DecryptPassword' => [ApiWrites::class, 'decrypt'],
        'ModuleCustom' => [ApiWrites::class, 'custom'],
    ];
    private const COMMANDS = [
        'ModuleCreate' => 'CreateAccount',
        'ModuleSuspend' => 'SuspendAccount',
        'ModuleUnsuspend' => 'UnsuspendAccount',
        'ModuleTerminate' => 'TerminateAccount',
        'ModuleChangePackage' => 'ChangePackage',
        'ModuleChangePw' => 'ChangePassword',
    ];

    /** @return array<string, mixed> localAPI's answer: result, and what belongs to it */
    public static function answer(string $action, array $form): array
    {
        try {
            return ['result' => 'success'] + self::call($action, $form);
        } catch (Denial $denial) {
            return ['result' => 'error', 'message' => $denial->getMessage()];
        }
    }

    /** @return array<string, mixed> the answer to a request from outside. Throws Denial */
    public static function request(array $form): array
    {
        $action = (string) ($form['action'] ?? '');
        $error = null;
        try {
            self::admit($action, $form);
            Actor::Api->enter();
            return ['result' => 'success'] + self::call($action, $form);
        } catch (Denial $denial) {
            $error = $denial->getMessage();
            throw $denial;
        } finally {
            Capsule::table('stage_requests')->insert([
                'date' => date('Y-m-d H:i:s'),
                'action' => $action,
                'body' => json_encode(array_diff_key($form, array_flip(self::MASKED))),
                'error' => $error,
            ]);
        }
    }

    /** Whether the answer to this request is to be lost; counted from when the loss was asked for. */
    public static function losesAnswer(string $action): bool
    {
        $lost = Capsule::table('stage_lost_answers')->where('action', $action);
        $lost->decrement('nth');
        return Capsule::table('stage_lost_answers')->where(['action' => $action, 'nth' => 0])->delete() > 0;
    }

    private static function admit(string $action, array $form): void
    {
        $address = Switches::get('api_rejected_address');
        if ($address !== '') {
            throw new Denial("Invalid IP $address", 403);
        }
        if (empty($form['identifier']) || empty($form['secret'])) {
            throw new Denial('Authentication Failed', 403);
        }
        $role = Capsule::table('stage_roles')->where('identifier', $form['identifier'])->first();
        if ($role === null) {
            throw new Denial('Invalid or missing credentials', 403);
        }
        if (!hash_equals($role->secret, (string) $form['secret'])) {
            throw new Denial('Authentication Failed', 403);
        }
        if (!isset(self::ACTIONS[$action]) && !isset(self::COMMANDS[$action])) {
            throw new Denial('Action Not Found', 404);
        }
        if (!in_array($action, explode(' ', $role->actions), true)) {
            $name = strtolower($action);
            throw new Denial("Invalid Permissions: API action \"$name\" is not allowed", 403);
        }
    }

    private static function call(string $action, array $form): array
    {
        if (isset(self::COMMANDS[$action])) {
            return self::command(self::COMMANDS[$action], $form);
        }
        $function = self::ACTIONS[$action] ?? throw new Denial('Action Not Found', 404);
        return $function($form);
    }

    private static function command(string $command, array $form): array
    {
        $service = ApiReads::service($form);
        $more = [];
        if ($command === 'SuspendAccount') {
            $more = ['suspendreason' => (string) ($form['suspendreason'] ?? '')];
        } elseif ($command === 'ChangePassword') {
            $more = ['password' => (string) ($form['servicepassword'] ?? '')];
        }
        $result = Runner::command((int) $service->id, $command, Actor::Api, null, $more);
        return $result === 'success' ? [] : throw new Denial($result);
    }
}
