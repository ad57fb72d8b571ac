<?php

declare(strict_types=1);

namespace Dciflow\Errand;

use Dciflow\Page\Text;
use Dciflow\Prefect\Contract;
use Dciflow\Request\Command;
use Dciflow\Request\ErrorBoundary;
use Dciflow\Request\Order;
use Dciflow\Request\Request;
use Dciflow\Request\Requests;
use Dciflow\Store\Time;
use Dciflow\Whmcs\HostName;
use Dciflow\Whmcs\ModuleParams;
use Dciflow\Whmcs\PlainText;
use Dciflow\Whmcs\SshKey;
use Dciflow\Whmcs\Whmcs;
use Dciflow\Whmcs\WhmcsService;

if (!defined('WHMCS')) {
    die('This file cannot be accessed directly');
}

/** The form that installs a server's operating system anew; what is on its disks is lost. */
final class Reinstall
{
    public const LABEL = 'Install the OS anew';
    public const FIELD_OS = 'dcimanager6_reinstall_os';
    public const FIELD_TYPED = 'dcimanager6_reinstall_typed';
    public const FIELD_SSH_KEY = 'dcimanager6_reinstall_ssh_key';
    private const LONGEST_TYPED = 300;
    private const JUST_NOW_SECONDS = 3600; // a run that is retried before it began has to be young, and reports at once

    /** The form of the client's page. @param array<string, mixed> $params */
    public static function byClient(array $params): string
    {
        return self::ask($params, self::posted('os_template'), self::posted('hostname_typed'), self::pasted('ssh_key'));
    }

    /**
     * Staff save the service's page with the host name typed. WHMCS shows nothing that is said here: a refusal goes to the
     * activity log, and what became of the run stands on the page.
     *
     * @param array<string, mixed> $params
     */
    public static function bySave(array $params): void
    {
        ErrorBoundary::quietly(static function () use ($params): void {
            $typed = self::posted(self::FIELD_TYPED);
            if ($typed === '' || !ModuleParams::isStaff()) {
                return;
            }
            $said = self::ask($params, self::posted(self::FIELD_OS), $typed, self::pasted(self::FIELD_SSH_KEY));
            if ($said !== Command::SUCCESS) {
                $serviceId = (new ModuleParams($params))->serviceId();
                Whmcs::activity("service $serviceId is not reinstalled: $said");
            }
        });
    }

    /** The row of the admin's page. */
    public static function html(ModuleParams $moduleParams, WhmcsService $service): string
    {
        $options = '';
        foreach (Order::templates($moduleParams) as $name) {
            $options .= '<option value="' . Text::html($name) . '">' . Text::html($name) . '</option>';
        }
        $name = self::nameOf($moduleParams);
        if ($options === '' || $name === '') {
            return 'The product names no OS template, or the service has no host name.';
        }
        return DrawnForm::html($service->id) . '<select class="form-control select-inline" name="' . self::FIELD_OS . "\">$options</select> "
            . '<input type="text" size="30" autocomplete="off" class="form-control input-inline" name="' . self::FIELD_TYPED
            . '" value=""> ' . self::keyField($moduleParams) . 'Everything on the disks of service ' . $service->id . ' is lost. To do it, type its host name ('
            . Text::html($name) . ') and save. The addresses stay; the password is a new one.';
    }

    private static function keyField(ModuleParams $moduleParams): string
    {
        return $moduleParams->isOn(Order::SSH_KEY) ? '<input type="text" size="40" autocomplete="off" class="form-control '
            . 'input-inline" placeholder="SSH public key, or nothing" name="' . self::FIELD_SSH_KEY . '" value=""> ' : '';
    }

    /** The name that has to be typed: the service's host name, as its page shows it, else its address. */
    public static function nameOf(ModuleParams $moduleParams): string
    {
        $domain = $moduleParams->text('domain');
        return $domain !== '' ? $domain : $moduleParams->text('dedicatedip');
    }

    /** Whether a reinstallation has begun and is not done: the OS of before is lost, so another one may be asked for. */
    public static function isUnfinished(WhmcsService $service, ?\stdClass $known): bool
    {
        return $known !== null && $known->step === Contract::STEP_INSTALLING && self::last($service) !== null;
    }

    /** The one that failed after it began, or just now, and has a run that may be retried; null: there is none. */
    public static function failed(WhmcsService $service, ?\stdClass $known): ?Errand
    {
        $last = self::last($service);
        if ($last === null || $last->state !== Request::FAILED || $last->flowRunId === null) {
            return null;
        }
        return self::isUnfinished($service, $known) || Time::age($last->closedAt) <= self::JUST_NOW_SECONDS ? $last : null;
    }

    /** What the client reads while one is under way or after it has failed; '' else. */
    public static function notice(WhmcsService $service, ?\stdClass $known): string
    {
        if (!self::isUnfinished($service, $known)) {
            return '';
        }
        $last = self::last($service);
        return $last !== null && $last->isOpen()
            ? 'The operating system of your server is being installed. Your data will not come back.'
            : 'The operating system of your server could not be installed. You can try again, or ask our staff.';
    }

    /** @param array<string, mixed> $params */
    private static function ask(array $params, string $template, string $typed, string $pasted): string
    {
        $moduleParams = new ModuleParams($params);
        if (!in_array($template, Order::templates($moduleParams), true)) {
            return 'Choose one of the operating systems on the page of your service.';
        }
        $name = HostName::read(self::nameOf($moduleParams));
        if ($name === '' || strlen($typed) > self::LONGEST_TYPED || HostName::read($typed) !== $name) {
            return 'The host name is not that of this service. Type it as the page shows it: all data on the server is lost.';
        }
        $own = ['os_template' => $template, 'hostname_typed' => $typed];
        if (trim($pasted) !== '') {
            $key = SshKey::read($pasted);
            if ($key === null || !$moduleParams->isOn(Order::SSH_KEY)) {
                return $key === null
                    ? 'That is no SSH public key: paste the one line of a file such as id_ed25519.pub, or nothing.'
                    : 'An SSH key is not offered for this service. Leave it out.';
            }
            $own['ssh_key'] = $key;
        }
        return ErrandPress::run(Contract::REINSTALL, $params, $own);
    }

    /** The youngest since the service was activated: what is installed by a later activation is no reinstallation. */
    private static function last(WhmcsService $service): ?Errand
    {
        $last = Errands::last($service, Contract::REINSTALL);
        $activation = Requests::lastOf($service, Contract::ACTIVATE);
        $isOfBefore = $last !== null && $activation !== null && $last->createdAt < $activation->createdAt;
        return $isOfBefore ? null : $last;
    }

    /** A field as it came: what joins two lines would make two keys one. */
    private static function pasted(string $name): string
    {
        $value = $_POST[$name] ?? '';
        return is_string($value) ? $value : 'no text';
    }

    private static function posted(string $name): string
    {
        $value = $_POST[$name] ?? '';
        return is_string($value) ? PlainText::of($value) : '';
    }
}
