<?php

declare(strict_types=1);

namespace Dciflow\Page;

use Dciflow\Request\Order;

if (!defined('WHMCS')) {
    die('This file cannot be accessed directly');
}

/**
 * The module settings of a product, in WHMCS's own form.
 *
 * Source of the first seven, their names and order: DCImanager manual, Integration with WHMCS, "Module Settings".
 */
final class ProductSettings
{
    /**
     * WHMCS keeps them by position, as configoption1 and so on: append only (Order has the positions).
     *
     * @return array<string, array<string, mixed>>
     */
    public static function all(): array
    {
        return [
            'configuration' => [
                'FriendlyName' => 'Server configuration type',
                'Type' => 'text',
                'Size' => '40',
                'Loader' => 'dcimanager6_LoadConfigurations',
                'SimpleMode' => true,
                'Description' => 'Server configuration name in DCImanager; diagnostics of a server show it.',
            ],
            'os_template' => [
                'FriendlyName' => 'Operation system',
                'Type' => 'text',
                'Size' => '40',
                'Loader' => 'dcimanager6_LoadOsTemplates',
                'SimpleMode' => true,
                'Description' => 'OS template name in DCImanager. The configurable option OS goes over it.',
            ],
            'do_not_wait' => [
                'FriendlyName' => "Don't wait the OS install",
                'Type' => 'yesno',
                'SimpleMode' => true,
                'Description' => 'The activation does not wait for the OS; a second run does. '
                    . 'The service stays Pending until the OS is installed in either case.',
            ],
            'ip_pool' => [
                'FriendlyName' => 'IP address group',
                'Type' => 'text',
                'Size' => '40',
                'Loader' => 'dcimanager6_LoadIpPools',
                'SimpleMode' => true,
                'Description' => 'IP pool name in DCImanager.',
            ],
            'os_timeout' => [
                'FriendlyName' => 'OS Installation timeout (minute)',
                'Type' => 'text',
                'Size' => '5',
                'Default' => (string) Order::DEFAULT_TIMEOUT,
                'SimpleMode' => true,
                'Description' => 'After so many minutes an unfinished installation is ended, waited for or not.',
            ],
            'location_id' => [
                'FriendlyName' => 'Location ID',
                'Type' => 'text',
                'Size' => '5',
                'Loader' => 'dcimanager6_LoadLocations',
                'SimpleMode' => true,
                'Description' => 'Location ID in DCImanager. Empty: servers of every location.',
            ],
            'verified_only' => [
                'FriendlyName' => 'User email verifying option check',
                'Type' => 'yesno',
                'SimpleMode' => true,
                'Description' => 'A client without a verified e-mail address cannot manage the service through WHMCS, '
                    . 'and its activation waits for the verification.',
            ],
            'stock' => [
                'FriendlyName' => 'Stock of free servers',
                'Type' => 'yesno',
                'SimpleMode' => true,
                'Description' => "WHMCS's stock follows the free, fit servers; needs Stock Control on the product.",
            ],
            'wipe_delay' => [
                'FriendlyName' => 'Wipe delay (hours)',
                'Type' => 'text',
                'Size' => '5',
                'Default' => '0',
                'SimpleMode' => true,
                'Description' => 'So long after a deletion the server is only off the network and can be brought back; '
                    . '0 wipes at once. It holds for services that are activated from now on.',
            ],
            'client_power' => [
                'FriendlyName' => 'Clients may switch the power',
                'Type' => 'yesno',
                'Description' => 'On, off and reboot on the page of their service. Staff always may.',
            ],
            'suspension_mode' => [
                'FriendlyName' => 'Suspension mode',
                'Type' => 'dropdown',
                'Options' => [
                    Order::MODE_PORTS => 'Switch ports off',
                    Order::MODE_PORTS_AND_POWER => 'Switch ports off, then power off',
                ],
                'Default' => Order::MODE_PORTS,
                'SimpleMode' => true,
                'Description' => 'What a suspension switches off; what it switched off, the return switches on. '
                    . 'It holds for services that are activated from now on.',
            ],
            'suspension_grace' => [
                'FriendlyName' => 'Suspension grace (hours)',
                'Type' => 'text',
                'Size' => '5',
                'Default' => '0',
                'SimpleMode' => true,
                'Description' => 'So long after WHMCS suspends the service its server stays on the network; 0 is at once. '
                    . 'Suspend pressed by staff is at once always. It holds for services that are activated from now on.',
            ],
            'client_reinstall' => [
                'FriendlyName' => 'Clients may reinstall',
                'Type' => 'yesno',
                'Description' => 'An OS anew on the page of their service, with its host name typed. What is on the disks is '
                    . 'lost. Staff always may.',
            ],
            'reinstall_os' => [
                'FriendlyName' => 'OS for reinstallation',
                'Type' => 'textarea',
                'Rows' => '3',
                'Cols' => '40',
                'Description' => 'OS template names in DCImanager, one a line or with commas between. Empty: Operation system, '
                    . 'and what the client ordered in the option OS. Clients of services that were activated before get a '
                    . 'changed list by Change Package.',
            ],
            'client_ptr' => [
                'FriendlyName' => 'Clients may set rDNS',
                'Type' => 'yesno',
                'Description' => 'The reverse names of their addresses, where the name leads back. Staff always may.',
            ],
            'client_sign_in' => [
                'FriendlyName' => 'Clients may sign in to the panel',
                'Type' => 'yesno',
                'Description' => 'Into DCImanager as the owner of their server, without a password of its own. Staff always may.',
            ],
            'client_rescue' => [
                'FriendlyName' => 'Clients may boot the rescue system',
                'Type' => 'yesno',
                'Description' => 'And their own OS again. The disks stay as they are. Staff always may.',
            ],
            'client_rename' => [
                'FriendlyName' => 'Clients may set the host name',
                'Type' => 'yesno',
                'Description' => 'The host name in DCImanager and in WHMCS; the OS learns it when it is installed anew. Staff '
                    . 'always may.',
            ],
            'ssh_key' => [
                'FriendlyName' => 'SSH key at reinstallation',
                'Type' => 'yesno',
                'Description' => 'Whoever reinstalls may give an SSH public key, which the new OS lets in. Only for panels whose '
                    . 'calls of SSH keys a person answers for.',
            ],
        ];
    }
}
