<?php

declare(strict_types=1);

namespace Dciflow\Prefect;

use Dciflow\Page\Text;
use Dciflow\Request\Deadline;

if (!defined('WHMCS')) {
    die('This file cannot be accessed directly');
}

/** One JSON call by curl. The only file that knows curl. */
final class Http
{
    private const CONNECT_SECONDS = 3.0;
    private const ATTEMPT_SECONDS = 6.0; // so that a lost answer leaves time for a second try
    private const NEVER_LEFT = [
        CURLE_COULDNT_RESOLVE_HOST,
        CURLE_COULDNT_RESOLVE_PROXY,
        CURLE_COULDNT_CONNECT,
        CURLE_URL_MALFORMAT,
        CURLE_UNSUPPORTED_PROTOCOL,
        CURLE_SSL_CONNECT_ERROR,
        CURLE_SSL_CACERT,
    ];

    /** @var resource|\CurlHandle|null kept, so that polls share one connection */
    private static $curl = null;

    /**
     * Send and read one answer.
     *
     * @param array<string, mixed>|null $body sent as JSON
     * @throws PrefectError no answer came in time
     */
    public static function send(
        string $method,
        string $url,
        ?array $body,
        string $auth,
        Deadline $deadline
    ): HttpResponse {
        $seconds = $deadline->seconds();
        if ($seconds < 0.05) {
            throw new PrefectError('there was no time left to ask it', false);
        }
        $headers = ['Accept: application/json', 'Expect:'];
        if ($auth !== '') {
            $headers[] = 'Authorization: Basic ' . base64_encode($auth);
        }
        if (self::$curl === null) {
            self::$curl = curl_init();
        }
        curl_reset(self::$curl);
        $options = [
            CURLOPT_URL => $url,
            CURLOPT_CUSTOMREQUEST => $method,
            CURLOPT_RETURNTRANSFER => true,
            CURLOPT_FOLLOWLOCATION => false,
            CURLOPT_NOSIGNAL => true,
            CURLOPT_CONNECTTIMEOUT_MS => (int) (min(self::CONNECT_SECONDS, $seconds) * 1000),
            CURLOPT_TIMEOUT_MS => (int) (min(self::ATTEMPT_SECONDS, $seconds) * 1000),
        ];
        if ($body !== null) {
            $headers[] = 'Content-Type: application/json';
            $options[CURLOPT_POSTFIELDS] = json_encode($body, JSON_THROW_ON_ERROR | JSON_INVALID_UTF8_SUBSTITUTE);
        }
        $options[CURLOPT_HTTPHEADER] = $headers;
        curl_setopt_array(self::$curl, $options);
        $said = curl_exec(self::$curl);
        if (!is_string($said)) {
            $number = curl_errno(self::$curl);
            // The time to connect is 0, too, on a connection that was kept: only its bytes tell that nothing was sent.
            $left = curl_getinfo(self::$curl, CURLINFO_CONNECT_TIME) > 0
                || curl_getinfo(self::$curl, CURLINFO_REQUEST_SIZE) > 0;
            $never = in_array($number, self::NEVER_LEFT, true)
                || ($number === CURLE_OPERATION_TIMEOUTED && !$left);
            throw new PrefectError(Text::oneLine(curl_strerror($number) ?? 'no answer'), !$never);
        }
        $json = json_decode($said, true);
        $status = (int) curl_getinfo(self::$curl, CURLINFO_RESPONSE_CODE);
        return new HttpResponse($status, is_array($json) ? $json : null);
    }
}
