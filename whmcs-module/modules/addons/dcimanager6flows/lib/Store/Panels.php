<?php

declare(strict_types=1);

namespace Dciflow\Store;

use Dciflow\Prefect\Contract;
use Dciflow\Prefect\Prefect;
use Dciflow\Request\Deadline;
use Dciflow\Request\Refusal;
use Dciflow\Whmcs\ModuleParams;
use WHMCS\Database\Capsule;

if (!defined('WHMCS')) {
    die('This file cannot be accessed directly');
}

/** WHMCS's server records as panels: their names in Prefect, and how their credentials get there. */
final class Panels
{
    private const TABLE = 'mod_dcimanager6_panel';
    private const UNSAVED_ID = 0;
    private const NAME = '/\A[a-z0-9-]{1,40}\z/';
    private const LONGEST_NAME = 40;

    /** The panel's name of a server record; made once and kept for ever, whatever the record is called later. */
    public static function name(int $serverId): string
    {
        $known = Capsule::table(self::TABLE)->where('server_id', $serverId)->value('name');
        if ($known !== null) {
            return self::checked((string) $known);
        }
        $slug = self::slug((string) Capsule::table('tblservers')->where('id', $serverId)->value('name'));
        $shorter = rtrim(substr($slug, 0, self::LONGEST_NAME - strlen("-$serverId")), '-');
        foreach ([$slug, "$shorter-$serverId", "panel-$serverId-" . bin2hex(random_bytes(3))] as $name) {
            if ($name !== Contract::BLOCK_PANEL_UNSAVED) {
                // Ignored when the name is taken, or when another request named this server meanwhile.
                Capsule::table(self::TABLE)->insertOrIgnore(['server_id' => $serverId, 'name' => $name]);
                $known = Capsule::table(self::TABLE)->where('server_id', $serverId)->value('name');
                if ($known !== null) {
                    return self::checked((string) $known);
                }
            }
        }
        throw new Refusal("Server $serverId could not be given a panel name: save the server record once more.");
    }

    /** The names of all panels that are stored in Prefect. @return list<string> */
    public static function names(): array
    {
        $names = Capsule::table('mod_dcimanager6_panel')->where('name', '<>', Contract::BLOCK_PANEL_UNSAVED)->pluck('name');
        return array_map('strval', $names->all());
    }

    /**
     * See that Prefect has the credentials of the call's server record, and return the panel's name.
     *
     * @throws Refusal there is no server record, or it is incomplete
     */
    public static function ensure(ModuleParams $moduleParams, Prefect $prefect): string
    {
        $serverId = $moduleParams->int('serverid');
        if ($serverId <= 0) {
            throw new Refusal('The service has no server: choose the DCImanager 6 server on its page.');
        }
        self::store($serverId, self::name($serverId), self::data($moduleParams), $prefect, false);
        return self::name($serverId);
    }

    /** Store what Test Connection was given: under the record's own name only if that is how the record is saved. */
    public static function storeTested(ModuleParams $moduleParams, Prefect $prefect): string
    {
        $data = self::data($moduleParams);
        $serverId = $moduleParams->int('serverid');
        if ($serverId > 0 && self::isSaved($serverId, $moduleParams)) {
            self::store($serverId, self::name($serverId), $data, $prefect, true);
            return self::name($serverId);
        }
        $name = Contract::BLOCK_PANEL_UNSAVED;
        Capsule::table(self::TABLE)->insertOrIgnore(['server_id' => self::UNSAVED_ID, 'name' => $name]);
        self::store(self::UNSAVED_ID, $name, $data, $prefect, true);
        return $name;
    }

    /** Store a server record that staff just saved. Does nothing for other modules' records. */
    public static function storeSaved(int $serverId): void
    {
        $server = Capsule::table('tblservers')->where('id', $serverId)->first();
        if ($server === null || ($server->type ?? '') !== ServiceCache::MODULE) {
            return;
        }
        $data = self::data(self::saved($server));
        self::store($serverId, self::name($serverId), $data, new Prefect(new Deadline(8.0)), false);
    }

    /** A saved server record as WHMCS passes it to module functions. */
    private static function saved(\stdClass $server): ModuleParams
    {
        return new ModuleParams([
            'serverhostname' => $server->hostname ?? '',
            'serverip' => $server->ipaddress ?? '',
            'serverusername' => $server->username ?? '',
            'serverpassword' => decrypt((string) ($server->password ?? '')),
            'serversecure' => in_array($server->secure ?? 'on', ['on', 1, '1', true], true),
            'serverport' => $server->port ?? '',
        ]);
    }

    /**
     * The panel's address. Without TLS only when the flag is off *and* the record names a port of its own: the flag is
     * off in a new record, and an administrator's password must not travel in the clear because of a default.
     */
    public static function url(ModuleParams $moduleParams): string
    {
        $host = $moduleParams->text('serverhostname') ?: $moduleParams->text('serverip');
        if ($host === '') {
            throw new Refusal('The server record has neither a host name nor an IP address.');
        }
        if (preg_match('/\A[A-Za-z0-9._:-]+\z/', $host) !== 1) {
            throw new Refusal('The server record has no good Hostname: write it without https:// and without a path.');
        }
        $port = $moduleParams->int('serverport');
        $own = $port > 0 && $port < 65536 && $port !== 80 && $port !== 443;
        // A colon twice is an IPv6 address.
        $host = substr_count($host, ':') > 1 ? "[$host]" : $host;
        $plain = $own && in_array($moduleParams->text('serversecure'), ['', '0', 'off'], true);
        return ($plain ? 'http://' : 'https://') . $host . ($own ? ":$port" : '');
    }

    /** @return array{url: string, username: string, password: string, verify_tls: bool} */
    private static function data(ModuleParams $moduleParams): array
    {
        $url = self::url($moduleParams);
        $username = $moduleParams->text('serverusername');
        $password = $moduleParams->text('serverpassword');
        if ($username === '' || $password === '') {
            throw new Refusal('The server record has no Username or no Password of a DCImanager administrator.');
        }
        return array_combine(Contract::BLOCK_PANEL_FIELDS, [$url, $username, $password, Settings::verifyTls()]);
    }

    /** @param array{url: string, username: string, password: string, verify_tls: bool} $data */
    private static function store(int $serverId, string $name, array $data, Prefect $prefect, bool $always): void
    {
        // A keyed hash shows that the credentials changed without storing them.
        $hash = hash_hmac('sha256', Settings::apiUrl() . "\0" . implode("\0", $data), Settings::secret());
        $row = Capsule::table(self::TABLE)->where('server_id', $serverId);
        if (!$always && hash_equals($hash, (string) $row->value('stored'))) {
            return;
        }
        $prefect->storePanel($name, $data);
        $row->update(['stored' => $hash]);
    }

    private static function isSaved(int $serverId, ModuleParams $moduleParams): bool
    {
        $server = Capsule::table('tblservers')->where('id', $serverId)->first();
        try {
            return $server !== null && self::data(self::saved($server)) === self::data($moduleParams);
        } catch (Refusal $error) {
            return false; // what is saved is not complete, so it is not what was tested
        }
    }

    /** A panel's name stands in addresses, keys and every guard of the workers: nothing else may pass for one. */
    private static function checked(string $name): string
    {
        if (preg_match(self::NAME, $name) !== 1) {
            throw new Refusal(
                'The panel of this server record has no good name: it has lower-case letters, digits and dashes only, '
                . 'at most 40. Nothing was done: make a new server record for it and move the services there.'
            );
        }
        return $name;
    }

    private static function slug(string $name): string
    {
        $slug = trim((string) preg_replace('/[^a-z0-9]+/', '-', strtolower($name)), '-');
        return $slug === '' ? 'panel' : rtrim(substr($slug, 0, self::LONGEST_NAME), '-');
    }
}
