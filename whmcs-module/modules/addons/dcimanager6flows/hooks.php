<?php

declare(strict_types=1);

if (!defined('WHMCS')) {
    die('This file cannot be accessed directly');
}

require_once __DIR__ . '/lib/load.php';

use Dciflow\Guard;
use Dciflow\Hooks;

add_hook('AfterModuleCreate', 1, static function ($vars): void {
    Guard::quietly(static function () use ($vars): void {
        Hooks::afterModuleCreate((array) $vars);
    });
});

add_hook('EmailPreSend', 1, static function ($vars): array {
    $answer = [];
    Guard::quietly(static function () use ($vars, &$answer): void {
        $answer = Hooks::emailPreSend((array) $vars);
    });
    return $answer;
});

add_hook('AfterCronJob', 1, static function (): void {
    Guard::quietly([Hooks::class, 'afterCronJob']);
});

add_hook('UserEmailVerificationComplete', 1, static function (): void {
    Guard::quietly([Hooks::class, 'userEmailVerificationComplete']);
});

add_hook('ServiceDelete', 1, static function ($vars): void {
    Guard::quietly(static function () use ($vars): void {
        Hooks::serviceDelete((array) $vars);
    });
});

foreach (['ServerAdd', 'ServerEdit'] as $saved) {
    add_hook($saved, 1, static function ($vars): void {
        Guard::quietly(static function () use ($vars): void {
            Hooks::serverSaved((array) $vars);
        });
    });
}
