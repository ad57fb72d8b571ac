<?php

declare(strict_types=1);

namespace FakeWhmcs;

use Illuminate\Database\Capsule\Manager as Capsule;

/**
 * clientarea.php?action=productdetails: a client looks at a service, or presses one of its buttons.
 *
 * Source: https://developers.whmcs.com/provisioning-modules/client-area-output and custom-functions
 */
final class ClientArea
{
    private const REFUSED = 'Access denied';

    /**
     * @param array<string, string> $form the other fields of the button's form
     * @return array{html: string, message: string, buttons: array<string, string>} message: what the button said
     */
    public static function page(
        int $serviceId,
        int $clientId,
        ?string $function,
        Actor $by = Actor::Client,
        array $form = [],
    ): array {
        $by->enter($clientId);
        $_SERVER['REQUEST_METHOD'] = $function === null ? 'GET' : 'POST';
        $_GET = $_REQUEST = ['action' => 'productdetails', 'id' => (string) $serviceId];
        $service = Capsule::table('tblhosting')->where(['id' => $serviceId, 'userid' => $clientId])->first();
        if ($service === null) {
            return ['html' => '', 'message' => self::REFUSED, 'buttons' => []];
        }
        $params = Params::ofService($serviceId);
        $buttons = self::optional($params, 'ClientAreaCustomButtonArray');
        $message = '';
        if ($function !== null) {
            $allowed = [...array_values($buttons), ...array_values(self::optional($params, 'ClientAreaAllowedFunctions'))];
            $_POST = ['modop' => 'custom', 'a' => $function, 'id' => (string) $serviceId] + $form
                + ['token' => Token::VALUE];
            $_REQUEST = $_POST + $_REQUEST;
            $message = in_array($function, $allowed, true)
                ? self::said(Modules::call((string) $params['moduletype'], $function, $params))
                : self::REFUSED;
        }
        return ['html' => self::html(Params::ofService($serviceId)), 'message' => $message, 'buttons' => $buttons];
    }

    private static function html(array $params): string
    {
        $module = (string) $params['moduletype'];
        if (!Modules::has($module, 'ClientArea')) {
            return '';
        }
        $page = Modules::call($module, 'ClientArea', $params);
        if (!is_array($page)) {
            return (string) $page;
        }
        $template = $page['tabOverviewReplacementTemplate'] ?? $page['tabOverviewModuleOutputTemplate']
            ?? $page['templatefile'] ?? 'clientarea';
        $file = Modules::folder() . "/servers/$module/" . (str_ends_with($template, '.tpl') ? $template : "$template.tpl");
        $vars = $page['templateVariables'] ?? $page['vars'] ?? [];
        return Templates::render($file, $vars + ['id' => $params['serviceid'], 'token' => Token::VALUE]);
    }

    private static function optional(array $params, string $function): array
    {
        $module = (string) $params['moduletype'];
        return Modules::has($module, $function) ? (array) Modules::call($module, $function, $params) : [];
    }

    private static function said(mixed $result): string
    {
        return is_string($result) ? $result : 'success';
    }
}
