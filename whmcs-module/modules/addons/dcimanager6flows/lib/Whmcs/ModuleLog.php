<?php

declare(strict_types=1);

namespace Dciflow\Whmcs;

use Dciflow\Page\Text;
use Dciflow\Store\ServiceCache;
use Dciflow\Store\Settings;

if (!defined('WHMCS')) {
    die('This file cannot be accessed directly');
}

/** WHMCS's Module Log, which the host may switch on: our calls, without any secret in any spelling. */
final class ModuleLog
{
    private const SHORTEST = 3; // characters; masking a shorter text would mask half the entry

    /**
     * @param array<string, mixed> $request what was asked; never WHMCS's own $params
     * @param list<string> $secrets
     */
    public static function write(string $action, array $request, string $answer, array $secrets): void
    {
        logModuleCall(ServiceCache::MODULE, $action, $request, $answer, $answer, self::spellings($secrets));
    }

    /**
     * Every way in which a secret could stand in a log.
     *
     * @param list<string> $secrets
     * @return list<string>
     */
    public static function spellings(array $secrets): array
    {
        $auth = Settings::auth();
        if ($auth !== '') {
            $secrets[] = base64_encode($auth);
            $secrets = array_merge($secrets, [$auth], explode(':', $auth, 2));
        }
        $all = [];
        foreach ($secrets as $secret) {
            if (strlen($secret) < self::SHORTEST) {
                continue;
            }
            $json = (string) json_encode($secret, JSON_INVALID_UTF8_SUBSTITUTE);
            $slashes = (string) json_encode($secret, JSON_INVALID_UTF8_SUBSTITUTE | JSON_UNESCAPED_SLASHES);
            array_push($all, $secret, urlencode($secret), rawurlencode($secret), trim($json, '"'), trim($slashes, '"'));
            array_push($all, htmlspecialchars($secret, ENT_QUOTES), Text::oneLine($secret));
        }
        return array_values(array_unique($all));
    }
}
