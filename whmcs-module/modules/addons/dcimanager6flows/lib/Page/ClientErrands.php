<?php

declare(strict_types=1);

namespace Dciflow\Page;

use Dciflow\Errand\ClientSwitch;
use Dciflow\Errand\DrawnForm;
use Dciflow\Errand\Errand;
use Dciflow\Errand\Errands;
use Dciflow\Errand\Power;
use Dciflow\Errand\Reinstall;
use Dciflow\Prefect\Contract;
use Dciflow\Request\Order;
use Dciflow\Request\Request;
use Dciflow\Store\Time;
use Dciflow\Whmcs\ModuleParams;
use Dciflow\Whmcs\WhmcsService;

if (!defined('WHMCS')) {
    die('This file cannot be accessed directly');
}

/** What a client may do with a server that is ready, and what became of what they did last. */
final class ClientErrands
{
    private const SHOWN = 5;

    private const NAMES = [
        Contract::POWER . ' ' . Contract::POWER_ON => 'Switch on',
        Contract::POWER . ' ' . Contract::POWER_OFF => 'Switch off',
        Contract::POWER . ' ' . Contract::POWER_REBOOT => 'Reboot',
        Contract::POWER . ' ' . Contract::POWER_LOOK => 'Look at the power',
        Contract::RESCUE . ' ' . Contract::RESCUE_START => 'Boot the rescue system',
        Contract::RESCUE . ' ' . Contract::RESCUE_LEAVE => 'Leave the rescue system',
        Contract::REINSTALL => 'Install the operating system anew',
        Contract::SET_PTR => 'Set a reverse name',
        Contract::RENAME => 'Set the host name',
        Contract::CHANGE_ORDER => 'Take an upgrade over',
        Contract::SIGN_IN => 'Sign in to the panel',
    ];

    private const ENDS = [
        Request::REQUESTED => 'under way',
        Request::RUNNING => 'under way',
        Request::DONE => 'done',
        Request::FAILED => 'not done: our staff can see why',
    ];

    /** @return array<string, mixed> the variables of the template; none of it is offered while `$isReady` is false */
    public static function variables(
        ?ModuleParams $moduleParams,
        ?WhmcsService $service,
        ?\stdClass $known,
        bool $isReady
    ): array {
        $variables = ['dciPower' => '', 'dciPowerButtons' => 0, 'dciErrands' => []]
            + ['dciReinstall' => 0, 'dciReinstallOs' => [], 'dciReinstallName' => '', 'dciReinstallKey' => false]
            + ['dciDrawnField' => DrawnForm::FIELD, 'dciDrawnAfter' => 0]
            + ['dciPtr' => 0, 'dciPtrAddresses' => [], 'dciSignIn' => 0, 'dciRescue' => 0, 'dciRename' => 0];
        if ($moduleParams === null || $service === null) {
            return $variables;
        }
        $variables['dciDrawnAfter'] = DrawnForm::after($service->id);
        $isUnfinished = Reinstall::isUnfinished($service, $known);
        if (!$isReady && !$isUnfinished) {
            return $variables;
        }
        $isUsable = in_array($service->status, [WhmcsService::ACTIVE, WhmcsService::COMPLETED], true);
        if ($isReady && $isUsable && ClientSwitch::isOn(Contract::SET_PTR, $moduleParams) && $known !== null) {
            $addresses = preg_split('/\s+/', (string) $known->addresses, -1, PREG_SPLIT_NO_EMPTY);
            $variables['dciPtrAddresses'] = $addresses === false ? [] : $addresses;
            $variables['dciPtr'] = $variables['dciPtrAddresses'] === [] ? 0 : $service->id;
        }
        if ($isReady && $isUsable && ClientSwitch::isOn(Contract::RENAME, $moduleParams)) {
            $variables['dciRename'] = $service->id;
        }
        if ($isReady && $isUsable && ClientSwitch::isOn(Contract::SIGN_IN, $moduleParams)) {
            $variables['dciSignIn'] = $service->id;
        }
        if ($isReady && $isUsable && ClientSwitch::isOn(Contract::RESCUE, $moduleParams)) {
            $variables['dciRescue'] = $service->id;
        }
        if ($isReady && ClientSwitch::isOn(Contract::POWER, $moduleParams)) {
            $variables['dciPower'] = Power::words($known);
            $variables['dciPowerButtons'] = $isUsable ? $service->id : 0;
        }
        $name = Reinstall::nameOf($moduleParams);
        $templates = Order::templates($moduleParams);
        $isOffered = $isUsable && $name !== '' && $templates !== [] && Errands::open($service->id) === null;
        if ($isOffered && ClientSwitch::isOn(Contract::REINSTALL, $moduleParams)) {
            $variables['dciReinstall'] = $service->id;
            $variables['dciReinstallOs'] = $templates;
            $variables['dciReinstallName'] = $name;
            $variables['dciReinstallKey'] = $moduleParams->isOn(Order::SSH_KEY);
        }
        foreach (Errands::recent($service, self::SHOWN) as $errand) {
            if ($errand->requestedBy === Contract::BY_CLIENT) {
                $variables['dciErrands'][] = self::line($errand);
            }
        }
        return $variables;
    }

    /** @return array{what: string, when: string, state: string} */
    private static function line(Errand $errand): array
    {
        $command = $errand->parameters['command'] ?? '';
        $name = trim($errand->flow . ' ' . (is_string($command) ? $command : ''));
        $state = self::ENDS[$errand->state] ?? $errand->state;
        if ($errand->state === Request::FAILED && strpos($errand->message, Contract::TOO_OFTEN) === 0) {
            $state = 'not done: ' . substr($errand->message, strlen(Contract::TOO_OFTEN));
        }
        return [
            'what' => self::NAMES[$name] ?? $errand->flow,
            'when' => Time::words(Time::age($errand->createdAt)) . ' ago',
            'state' => $state,
        ];
    }
}
