<?php

declare(strict_types=1);

namespace Dciflow\Whmcs;

use Dciflow\Errand\ChangePackage;
use Dciflow\Page\Text;
use Dciflow\Request\Options;
use Dciflow\Store\ServiceCache;
use WHMCS\Database\Capsule;

if (!defined('WHMCS')) {
    die('This file cannot be accessed directly');
}

/**
 * WHMCS's upgrades of a service. WHMCS asks the module only after the client has paid, so its pages of upgrades are shown
 * only for what can be delivered: configurable options that a server can follow.
 *
 * Source: docs/sources.md, WHMCS 9.
 */
final class Upgrade
{
    private const OPTIONS = 'configoptions'; // the page's type; the other one, package, is another product

    /** @param array<string, mixed> $vars of the hook ClientAreaPageUpgrade */
    public static function elsewhere(array $vars): string
    {
        $serviceId = (int) ($vars['id'] ?? $_REQUEST['id'] ?? 0);
        $service = $serviceId > 0 ? WhmcsService::find($serviceId) : null;
        if ($service === null || !$service->isOurs()) {
            return '';
        }
        $type = $vars['type'] ?? $_REQUEST['type'] ?? '';
        $canBe = $type === self::OPTIONS && $service->status === WhmcsService::ACTIVE
            && ServiceCache::of($service) !== null && ServiceCache::isReady($serviceId)
            && self::follows($vars['configoptions'] ?? []);
        return $canBe ? '' : "clientarea.php?action=productdetails&id=$serviceId";
    }

    /** An upgrade was paid. Of a product of ours, ChangePackage is run with what the service has now. */
    public static function paid(int $upgradeId): void
    {
        $serviceId = (int) Capsule::table('tblupgrades')->where('id', $upgradeId)->value('relid');
        $service = $serviceId > 0 ? WhmcsService::find($serviceId) : null;
        if ($service !== null && $service->isOurs() && !$service->isOver()) {
            ChangePackage::again($serviceId);
        }
    }

    /** Whether a server can follow each of the options that the page names. @param mixed $options */
    private static function follows($options): bool
    {
        foreach (is_array($options) ? $options : [] as $option) {
            $name = is_array($option) ? ($option['optionname'] ?? $option['name'] ?? '') : '';
            $name = is_string($name) ? PlainText::of(Text::beforePipe($name)) : '';
            if (!in_array($name, Options::IP, true)) {
                return false;
            }
        }
        return true;
    }
}
