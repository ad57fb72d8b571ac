<?php

declare(strict_types=1);

namespace Stage;

/** Hands a wish of the test or the demo to the function for it, its arguments by name. */
final class Control
{
    private const WISHES = [
        Shop::class => [
            'reset', 'switch', 'client', 'product', 'server', 'group', 'order', 'addonOrder', 'option', 'edit',
            'deleteService', 'role', 'loseAnswer', 'sql',
        ],
        Happenings::class => [
            'command', 'cronRun', 'usageUpdate', 'retry', 'custom', 'hook', 'productForm', 'adminService', 'press',
            'testConnection', 'clientArea', 'activate', 'deactivate', 'configure', 'output', 'localApi', 'state',
        ],
    ];

    public static function play(string $body): void
    {
        ob_start();
        try {
            $wish = json_decode($body, true, 64, JSON_THROW_ON_ERROR);
            foreach (self::WISHES as $class => $names) {
                if (in_array($wish['do'], $names, true)) {
                    self::answer($class::{$wish['do']}(...$wish['with']));
                    return;
                }
            }
            throw new \BadMethodCallException("The stage cannot do {$wish['do']}");
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
