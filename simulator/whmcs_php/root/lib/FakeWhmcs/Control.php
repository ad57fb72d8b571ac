<?php

declare(strict_types=1);

namespace FakeWhmcs;

/** Calls the function that a test or the demo names, with its arguments by name. */
final class Control
{
    private const COMMANDS = [
        Fixtures::class => [
            'reset', 'switch', 'client', 'product', 'server', 'group', 'order', 'addonOrder', 'option', 'edit',
            'deleteService', 'role', 'loseAnswer', 'sql',
        ],
        ModuleEvents::class => [
            'command', 'upgrade', 'cronRun', 'usageUpdate', 'retry', 'custom', 'hook', 'productForm', 'adminService', 'press',
            'saveService', 'testConnection', 'clientArea', 'singleSignOn', 'customAction', 'serverSignOn', 'activate',
            'deactivate', 'configure', 'output', 'localApi', 'state',
        ],
        AdminArea::class => ['home'],
        UsageBilling::class => ['metrics', 'collect', 'ofService'],
    ];

    public static function handle(string $body): void
    {
        ob_start();
        try {
            $command = json_decode($body, true, 64, JSON_THROW_ON_ERROR);
            foreach (self::COMMANDS as $class => $names) {
                if (in_array($command['do'], $names, true)) {
                    self::answer($class::{$command['do']}(...$command['with']));
                    return;
                }
            }
            throw new \BadMethodCallException("The simulated WHMCS has no command {$command['do']}");
        } catch (\Throwable $error) {
            http_response_code(500);
            $where = basename($error->getFile()) . ':' . $error->getLine();
            self::write(['error' => get_class($error) . ': ' . $error->getMessage() . " ($where)"]);
        }
    }

    public static function answer(mixed $value): void
    {
        self::write(['value' => $value]);
    }

    private static function write(array $answer): void
    {
        while (ob_get_level() > 0) {
            $stray = trim((string) ob_get_clean());
            if ($stray !== '') {
                Faults::output($stray);
            }
        }
        header('Content-Type: application/json');
        echo json_encode($answer, JSON_THROW_ON_ERROR | JSON_INVALID_UTF8_SUBSTITUTE);
    }
}
