<?php

declare(strict_types=1);

namespace Dciflow\Whmcs;

use Dciflow\Page\Text;
use Dciflow\Prefect\Contract;
use WHMCS\Database\Capsule;

if (!defined('WHMCS')) {
    die('This file cannot be accessed directly');
}

/**
 * What WHMCS passes to a module function, read with types. Any key may be missing: not all are documented.
 *
 * Source: https://developers.whmcs.com/provisioning-modules/module-parameters
 */
final class ModuleParams
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
        return PlainText::of($this->text('configoption' . $position));
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
            $said = is_scalar($value) ? Text::beforePipe((string) $value) : '';
            $clean[PlainText::of(Text::beforePipe((string) $name))] = PlainText::of($said);
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

    /** Who asks for the run, in the words of the contract. */
    public static function requester(): string
    {
        if (self::isStaff()) {
            return Contract::BY_ADMIN;
        }
        if (PHP_SAPI === 'cli') {
            return Contract::BY_CRON;
        }
        if (self::isApi()) {
            return Contract::BY_API;
        }
        return defined('CLIENTAREA') || !empty($_SESSION['uid']) ? Contract::BY_CLIENT : Contract::BY_API;
    }

    /**
     * Whether a member of staff works in WHMCS's admin area here. Not where they look at the client area as a client: what
     * is pressed there is the client's; nor in a call of the API, whose session may name the credential's administrator.
     */
    public static function isStaff(): bool
    {
        return !empty($_SESSION['adminid']) && !defined('CLIENTAREA') && !self::isApi();
    }

    /** The user name of the member of staff who works here: one line, as the contract has it. */
    public static function staffName(): string
    {
        $id = (int) ($_SESSION['adminid'] ?? 0);
        $known = Capsule::table('tbladmins')->where('id', $id)->value('username');
        $name = is_string($known) ? Text::oneLine(PlainText::of($known)) : '';
        return trim(Text::cut($name === '' ? "admin $id" : $name, Contract::WHO_LONGEST));
    }

    /** Whether this is a call of WHMCS's API from outside (includes/api.php). */
    public static function isApi(): bool
    {
        return defined('APICALL') || basename((string) ($_SERVER['SCRIPT_NAME'] ?? '')) === 'api.php';
    }

    /**
     * The function of the module that a call of the API asks for by ModuleCustom; null: it is no such call. WHMCS does not
     * say whether it lets that call commands, too, nor which of several spellings of a key it reads: all of them count, of
     * the address and of the body, and unless all name the one function that is allowed, none is named ('').
     */
    public static function customCall(): ?string
    {
        $actions = array_merge(self::sent('action', $_GET), self::sent('action', $_POST));
        if (!self::isApi() || !in_array('modulecustom', array_map('strtolower', $actions), true)) {
            return null;
        }
        $functions = array_unique(array_merge(self::sent('func_name', $_GET), self::sent('func_name', $_POST)));
        return $functions === [Contract::CUSTOM_SYNC] ? Contract::CUSTOM_SYNC : '';
    }

    /**
     * The values of a key in every spelling.
     *
     * @param array<mixed> $form
     * @return list<string> what is no text is an empty one
     */
    private static function sent(string $key, array $form): array
    {
        $values = [];
        foreach ($form as $name => $value) {
            if (strtolower((string) $name) === $key) {
                $values[] = is_string($value) ? $value : '';
            }
        }
        return $values;
    }
}
