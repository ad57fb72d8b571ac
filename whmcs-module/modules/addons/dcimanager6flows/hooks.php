<?php

declare(strict_types=1);

if (!defined('WHMCS')) {
    die('This file cannot be accessed directly');
}

require_once __DIR__ . '/lib/load.php';

use Dciflow\Page\HomeWidget;
use Dciflow\Request\ErrorBoundary;
use Dciflow\Whmcs\Cart;
use Dciflow\Whmcs\Hooks;
use WHMCS\Module\AbstractWidget;

add_hook('AfterModuleCreate', 1, static function ($vars): void {
    ErrorBoundary::quietly(static function () use ($vars): void {
        Hooks::afterModuleCreate((array) $vars);
    });
});

add_hook('EmailPreSend', 1, static function ($vars): array {
    $answer = [];
    ErrorBoundary::quietly(static function () use ($vars, &$answer): void {
        $answer = Hooks::emailPreSend((array) $vars);
    });
    return $answer;
});

add_hook('AfterCronJob', 1, static function (): void {
    ErrorBoundary::quietly([Hooks::class, 'afterCronJob']);
});

add_hook('UserEmailVerificationComplete', 1, static function (): void {
    ErrorBoundary::quietly([Hooks::class, 'userEmailVerificationComplete']);
});

add_hook('ServiceDelete', 1, static function ($vars): void {
    ErrorBoundary::quietly(static function () use ($vars): void {
        Hooks::serviceDelete((array) $vars);
    });
});

add_hook('ShoppingCartValidateProductUpdate', 1, static function ($vars): array {
    $wrong = [];
    ErrorBoundary::quietly(static function () use ($vars, &$wrong): void {
        $wrong = Cart::wrongOfForm((array) $vars);
    });
    return $wrong;
});

add_hook('ShoppingCartValidateCheckout', 1, static function (): array {
    $wrong = [];
    ErrorBoundary::quietly(static function () use (&$wrong): void {
        $wrong = Cart::wrongOfAll();
    });
    return $wrong;
});

add_hook('ClientAreaPageUpgrade', 1, static function ($vars): void {
    $elsewhere = '';
    ErrorBoundary::quietly(static function () use ($vars, &$elsewhere): void {
        $elsewhere = Hooks::clientAreaPageUpgrade((array) $vars);
    });
    if ($elsewhere !== '' && !headers_sent()) {
        header("Location: $elsewhere", true, 302);
        exit;
    }
});

add_hook('AdminHomeWidgets', 1, static function (): ?HomeWidget {
    return class_exists(AbstractWidget::class) ? new HomeWidget() : null;
});

foreach (['AfterProductUpgrade', 'AfterConfigOptionsUpgrade'] as $upgraded) {
    add_hook($upgraded, 1, static function ($vars): void {
        ErrorBoundary::quietly(static function () use ($vars): void {
            Hooks::afterUpgrade((array) $vars);
        });
    });
}

foreach (['ServerAdd', 'ServerEdit'] as $saved) {
    add_hook($saved, 1, static function ($vars): void {
        ErrorBoundary::quietly(static function () use ($vars): void {
            Hooks::serverSaved((array) $vars);
        });
    });
}
