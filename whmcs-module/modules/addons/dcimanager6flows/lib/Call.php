<?php

declare(strict_types=1);

namespace Dciflow;

if (!defined('WHMCS')) {
    die('This file cannot be accessed directly');
}

/**
 * What WHMCS passes to a module function, read with types. Any key may be missing: not all are documented.
 *
 * Source: dossier "WHMCS", section 4.
 */
final class Call
{
    /** @var array<string, mixed> */
    private array $params;

    /** @param array<string, mixed> $params */
    public function __construct(array $params)
    {
        $this->params = $params;
    }

    public function text(string $key): string
    {
        $value = $this->params[$key] ?? '';
        return is_scalar($value) ? trim((string) $value) : '';
    }

    public function int(string $key): int
    {
        return (int) $this->text($key);
    }

    public function serviceId(): int
    {
        return $this->int('serviceid') ?: $this->int('accountid');
    }

    public function isAddon(): bool
    {
        // The class is named as text: only a product addon's module call has an object of it.
        return $this->int('addonId') > 0 || is_a($this->params['model'] ?? null, 'WHMCS\Service\Addon');
    }

    /** A module setting of the product, 1 to 24. */
    public function setting(int $position): string
    {
        return $this->text('configoption' . $position);
    }

    public function isOn(int $position): bool
    {
        return in_array(strtolower($this->setting($position)), ['on', '1', 'yes', 'true'], true);
    }

    /**
     * The client's configurable options by name; name and value without their friendly labels.
     *
     * @return array<string, string>
     */
    public function options(): array
    {
        $options = $this->params['configoptions'] ?? [];
        $clean = [];
        foreach (is_array($options) ? $options : [] as $name => $value) {
            $clean[Text::beforePipe((string) $name)] = is_scalar($value) ? Text::beforePipe((string) $value) : '';
        }
        return $clean;
    }

    /** What must never be written down: credentials of the panel and of the service. @return list<string> */
    public function secrets(): array
    {
        $secrets = [];
        foreach (['serverpassword', 'serveraccesshash', 'password'] as $key) {
            $value = $this->params[$key] ?? '';
            if (is_string($value) && $value !== '') {
                $secrets[] = $value;
            }
        }
        return $secrets;
    }

    /** Who asks: "admin", "cron", "client" or "api". */
    public static function requester(): string
    {
        if (self::isStaff()) {
            return 'admin';
        }
        if (PHP_SAPI === 'cli') {
            return 'cron';
        }
        return defined('CLIENTAREA') || !empty($_SESSION['uid']) ? 'client' : 'api';
    }

    /** Whether a member of staff is logged in to WHMCS here. */
    public static function isStaff(): bool
    {
        return !empty($_SESSION['adminid']);
    }
}
