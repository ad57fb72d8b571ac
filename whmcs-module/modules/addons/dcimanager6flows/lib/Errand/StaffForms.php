<?php

declare(strict_types=1);

namespace Dciflow\Errand;

use Dciflow\Page\Text;
use Dciflow\Prefect\Contract;
use Dciflow\Request\Command;
use Dciflow\Request\ErrorBoundary;
use Dciflow\Request\Refusal;
use Dciflow\Whmcs\ModuleParams;
use Dciflow\Whmcs\Whmcs;

if (!defined('WHMCS')) {
    die('This file cannot be accessed directly');
}

/** Staff's forms on a service's page, sent with Save Changes: its number of addresses, a reverse name, and its host name. */
final class StaffForms
{
    private const COUNT = 'dciflow_ipv4_count';
    private const IPV6 = 'dciflow_ipv6_count';
    private const BACK = 'dciflow_give_back';
    private const ADDRESS = 'dciflow_ptr_address';
    private const NAME = 'dciflow_ptr_name';
    private const HOSTNAME = 'dciflow_hostname';

    /** @return array<string, string> rows of HTML for a service with a server; nothing is filled in beforehand */
    public static function rows(string $addresses): array
    {
        $choices = '<option value="">-</option>';
        foreach (array_filter(self::words($addresses), [self::class, 'isIpv4']) as $address) {
            $choices .= '<option>' . Text::html($address) . '</option>';
        }
        return [
            'Change the addresses' => self::input(self::COUNT, 4) . ' IPv4 and '
                . self::input(self::IPV6, 4) . ' IPv6 addresses from now on; those that go back: ' . self::input(self::BACK, 40) . '<br>Empty: nothing changes; IPv6 alone may be empty. Fewer than now: name exactly as many as are too '
                . 'many, with commas between; never the main one. Save Changes starts it.',
            'Set a reverse name' => '<select name="' . self::ADDRESS . "\">$choices</select> " . self::input(self::NAME, 40)
                . '<br>The name must lead to the address. Save Changes starts it.',
            'Set the host name' => self::input(self::HOSTNAME, 40)
                . '<br>In DCImanager and in WHMCS; the OS learns it when it is installed anew. Save Changes starts it.',
        ];
    }

    /** What the page was saved with. WHMCS shows no answer: a refusal is a line of the activity log. @param array<string, mixed> $params */
    public static function save(array $params): void
    {
        ErrorBoundary::quietly(static function () use ($params): void {
            $count = self::posted(self::COUNT);
            $ipv6 = self::posted(self::IPV6);
            $back = self::posted(self::BACK);
            $address = self::posted(self::ADDRESS);
            $hostname = self::posted(self::HOSTNAME);
            if ($count . $ipv6 . $back . $address . $hostname === '') {
                return;
            }
            $answer = ErrorBoundary::text(static function () use ($params, $count, $ipv6, $back, $address, $hostname): string {
                if (!ModuleParams::isStaff()) {
                    throw new Refusal('Only staff may do this, who are logged in to WHMCS\'s admin area. Nothing was changed.');
                }
                if ($count . $ipv6 . $back !== '') {
                    return self::change($params, $count, $ipv6, $back);
                }
                return $address !== ''
                    ? ReverseName::ask($params, $address, self::posted(self::NAME))
                    : Rename::ask($params, $hostname);
            });
            if ($answer !== Command::SUCCESS) {
                $serviceId = (new ModuleParams($params))->serviceId();
                Whmcs::activity("service $serviceId, what was saved on its page was not started: $answer");
            }
        });
    }

    /** @param array<string, mixed> $params */
    private static function change(array $params, string $count, string $ipv6, string $back): string
    {
        if (preg_match('/\A[1-9]\d{0,2}\z/', $count) !== 1) {
            throw new Refusal('Write how many addresses the service is to have: a whole number, 1 or more.');
        }
        if (preg_match('/\A\d{0,3}\z/', $ipv6) !== 1) {
            throw new Refusal('Write how many IPv6 addresses the service is to have: a whole number, or nothing.');
        }
        $named = self::words($back);
        foreach ($named as $address) {
            if (filter_var($address, FILTER_VALIDATE_IP) === false) {
                throw new Refusal(Text::oneLine("\"$address\" is no IP address. Nothing was started."));
            }
        }
        $own = [
            'ipv4_count' => (int) $count,
            'give_back' => implode(', ', $named),
            'ipv6_count' => $ipv6 === '' ? null : (int) $ipv6,
        ];
        return ErrandPress::run(Contract::CHANGE_ADDRESSES, $params, $own);
    }

    /** @return list<string> */
    private static function words(string $text): array
    {
        $words = preg_split('/[\s,]+/', $text, -1, PREG_SPLIT_NO_EMPTY);
        return $words === false ? [] : $words;
    }

    private static function isIpv4(string $address): bool
    {
        return filter_var($address, FILTER_VALIDATE_IP, FILTER_FLAG_IPV4) !== false;
    }

    private static function input(string $name, int $size): string
    {
        return "<input type=\"text\" name=\"$name\" size=\"$size\" value=\"\" autocomplete=\"off\" class=\"form-control input-inline\">";
    }

    private static function posted(string $name): string
    {
        $value = $_POST[$name] ?? '';
        return is_string($value) ? trim($value) : '';
    }
}
