<?php

declare(strict_types=1);

namespace FakeWhmcs;

use Illuminate\Database\Capsule\Manager as Capsule;

/**
 * What includes/api.php and localAPI() answer.
 *
 * Source: https://developers.whmcs.com/api/internal-api and api-reference
 */
final class Api
{
    /** What the role of dciflow's credential may call unless a test says otherwise: see whmcs-module/contract.json. */
    public const NEEDED = [
        'GetClientsDetails', 'GetClientsProducts', 'UpdateClientProduct', 'LogActivity', 'ModuleCustom',
    ];
    private const MASKED = ['identifier', 'secret', 'servicepassword', 'password', 'accesskey'];
    private const ACTIONS = [
        'GetClientsDetails' => [ApiReads::class, 'client'],
        'GetClientsProducts' => [ApiReads::class, 'services'],
        'UpdateClientProduct' => [ApiWrites::class, 'update'],
        'SendEmail' => [ApiWrites::class, 'mail'],
        'LogActivity' => [ApiWrites::class, 'log'],
        'TriggerNotificationEvent' => [ApiWrites::class, 'notify'],
        'ModuleCustom' => [ApiWrites::class, 'custom'],
    ];
    private const COMMANDS = [
        'ModuleCreate' => 'CreateAccount',
        'ModuleSuspend' => 'SuspendAccount',
        'ModuleUnsuspend' => 'UnsuspendAccount',
        'ModuleTerminate' => 'TerminateAccount',
        'ModuleChangePackage' => 'ChangePackage',
    ];

    /** @return array<string, mixed> localAPI's answer: result, and what belongs to it */
    public static function answer(string $action, array $form): array
    {
        try {
            return ['result' => 'success'] + self::call($action, $form);
        } catch (ApiError $error) {
            return ['result' => 'error', 'message' => $error->getMessage()];
        }
    }

    /** @return array<string, mixed> the answer to a request from outside. Throws ApiError */
    public static function request(array $form): array
    {
        $action = (string) ($form['action'] ?? '');
        $message = null;
        try {
            self::admit($action, $form);
            Actor::Api->enter();
            return ['result' => 'success'] + self::call($action, $form);
        } catch (ApiError $error) {
            $message = $error->getMessage();
            throw $error;
        } finally {
            Capsule::table('fake_requests')->insert([
                'date' => date('Y-m-d H:i:s'),
                'action' => $action,
                'body' => json_encode(array_diff_key($form, array_flip(self::MASKED))),
                'error' => $message,
            ]);
        }
    }

    /** Whether the answer to this request is to be lost; counted from when the loss was asked for. */
    public static function losesAnswer(string $action): bool
    {
        $lost = Capsule::table('fake_lost_answers')->where('action', $action);
        $lost->decrement('nth');
        return Capsule::table('fake_lost_answers')->where(['action' => $action, 'nth' => 0])->delete() > 0;
    }

    private static function admit(string $action, array $form): void
    {
        $address = Flags::get('api_rejected_address');
        if ($address !== '') {
            throw new ApiError("Invalid IP $address", 403);
        }
        if (empty($form['identifier']) || empty($form['secret'])) {
            throw new ApiError('Authentication Failed', 403);
        }
        $role = Capsule::table('fake_roles')->where('identifier', $form['identifier'])->first();
        if ($role === null) {
            throw new ApiError('Invalid or missing credentials', 403);
        }
        if (!hash_equals($role->secret, (string) $form['secret'])) {
            throw new ApiError('Authentication Failed', 403);
        }
        if (!isset(self::ACTIONS[$action]) && !isset(self::COMMANDS[$action])) {
            throw new ApiError('Action Not Found', 404);
        }
        if (!in_array($action, explode(' ', $role->actions), true)) {
            $name = strtolower($action);
            throw new ApiError("Invalid Permissions: API action \"$name\" is not allowed", 403);
        }
    }

    private static function call(string $action, array $form): array
    {
        if (isset(self::COMMANDS[$action])) {
            return self::command(self::COMMANDS[$action], $form);
        }
        $function = self::ACTIONS[$action] ?? throw new ApiError('Action Not Found', 404);
        return $function($form);
    }

    private static function command(string $command, array $form): array
    {
        $service = ApiReads::service($form);
        $more = $command === 'SuspendAccount' ? ['suspendreason' => (string) ($form['suspendreason'] ?? '')] : [];
        $result = ModuleRunner::command((int) $service->id, $command, Actor::Api, null, $more);
        return $result === 'success' ? [] : throw new ApiError($result);
    }
}
