<?php

declare(strict_types=1);

namespace FakeWhmcs;

/**
 * The admin's pages of a service and of a server, and the boxes of the home page.
 *
 * Source: https://developers.whmcs.com/provisioning-modules/admin-services-tab and custom-functions
 */
final class AdminArea
{
    /** @return array{fields: array<string, string>, buttons: array<string, string>} */
    public static function service(int $serviceId): array
    {
        Actor::Admin->enter();
        $params = Params::ofService($serviceId);
        $module = (string) $params['moduletype'];
        $get = static fn (string $function): array => Modules::has($module, $function)
            ? (array) Modules::call($module, $function, $params)
            : [];
        return ['fields' => $get('AdminServicesTabFields'), 'buttons' => $get('AdminCustomButtonArray')];
    }

    /**
     * The page is saved with these values of its form, where the module has a function for that; it says nothing.
     *
     * @param array<string, string> $form
     */
    public static function save(int $serviceId, array $form, Actor $by): void
    {
        $by->enter();
        $params = Params::ofService($serviceId);
        $module = (string) $params['moduletype'];
        $_POST = $form;
        $_REQUEST = $form;
        if (Modules::has($module, 'AdminServicesTabFieldsSave')) {
            Modules::call($module, 'AdminServicesTabFieldsSave', $params);
        }
    }

    /** What the button said. Throws OutOfBoundsException: the page has no such button */
    public static function press(int $serviceId, string $label): string
    {
        $function = self::service($serviceId)['buttons'][$label] ?? null;
        if ($function === null) {
            throw new \OutOfBoundsException("There is no button $label");
        }
        return ModuleRunner::custom($serviceId, $function);
    }

    /** @return array<string, string> the HTML of each box, by its title */
    public static function home(): array
    {
        Actor::Admin->enter();
        $boxes = [];
        foreach (Hooks::run('AdminHomeWidgets', []) as $widget) {
            $boxes[$widget->getTitle()] = (string) $widget->render();
        }
        return $boxes;
    }

    /** @return array{success: bool, error: string} */
    public static function testConnection(string $module, array $params): array
    {
        Actor::Admin->enter();
        $answer = (array) Modules::call($module, 'TestConnection', $params);
        return ['success' => (bool) ($answer['success'] ?? false), 'error' => (string) ($answer['error'] ?? '')];
    }
}
