<?php

declare(strict_types=1);

namespace FakeWhmcs;

use Illuminate\Database\Capsule\Manager as Capsule;

/** What happens in WHMCS with modules taking part: commands, cron, pages, addons; and what came of it. */
final class ModuleEvents
{
    /** @param array<string, mixed> $more further keys of $params */
    public static function command(
        int $service,
        string $command,
        string $by = 'admin',
        ?int $addon = null,
        array $more = []
    ): string {
        $actor = Actor::from($by);
        $actor->enter();
        return ModuleRunner::command($service, $command, $actor, $addon, $more);
    }

    /**
     * A client's upgrade is paid. @param array<string, string> $options quantities by the option's name
     */
    public static function upgrade(int $service, array $options = [], ?int $product = null, string $by = 'payment'): string
    {
        $actor = Actor::from($by);
        $actor->enter((int) Capsule::table('tblhosting')->where('id', $service)->value('userid'));
        return Upgrades::paid($service, $options, $product, $actor);
    }

    /**
     * One cron process of its own, as WHMCS's is: see cron.php.
     *
     * @param list<array{int, string}> $commands service and command
     * @return list<string> what the commands answered
     */
    public static function cronRun(array $commands = []): array
    {
        $cron = [PHP_BINARY, dirname(__DIR__, 2) . '/cron.php', json_encode($commands)];
        $process = proc_open($cron, [1 => ['pipe', 'w'], 2 => ['pipe', 'w']], $pipes);
        $said = (string) stream_get_contents($pipes[1]);
        $wrong = (string) stream_get_contents($pipes[2]);
        if (proc_close($process) !== 0) {
            throw new \RuntimeException("The cron ended badly: $said $wrong");
        }
        return (array) json_decode($said, true, 8, JSON_THROW_ON_ERROR);
    }

    /**
     * The daily cron's UsageUpdate: once for each server record that is not disabled, whatever it answers.
     *
     * Source: https://developers.whmcs.com/provisioning-modules/usage-update
     */
    public static function usageUpdate(): void
    {
        Actor::Automation->enter();
        foreach (Capsule::table('tblservers')->where('disabled', false)->orderBy('id')->get() as $server) {
            if (Modules::has($server->type, 'UsageUpdate')) {
                Modules::call($server->type, 'UsageUpdate', Params::ofServer((int) $server->id));
            }
        }
    }

    public static function retry(int $row): string
    {
        Actor::Admin->enter();
        return ModuleRunner::retry($row);
    }

    public static function custom(int $service, string $function): string
    {
        Actor::Api->enter();
        return ModuleRunner::custom($service, $function);
    }

    /** @return list<mixed> what the hooks returned */
    /** @param array<int, array<string, mixed>> $cart the products of the client's cart by their place, as the session has them */
    public static function hook(string $name, array $vars = [], string $by = 'automation', array $cart = []): array
    {
        Actor::from($by)->enter();
        if ($cart !== []) {
            $_SESSION['cart'] = ['products' => $cart];
        }
        return Hooks::run($name, $vars);
    }

    public static function productForm(int $product): array
    {
        Actor::Admin->enter();
        return ProductForm::fields($product);
    }

    public static function adminService(int $service): array
    {
        $page = AdminArea::service($service);
        return ['fields' => (object) $page['fields'], 'buttons' => (object) $page['buttons']];
    }

    /** @param array<string, string> $form */
    public static function saveService(int $service, array $form, string $by = 'admin'): void
    {
        AdminArea::save($service, $form, Actor::from($by));
    }

    public static function press(int $service, string $button): string
    {
        return AdminArea::press($service, $button);
    }

    /** Test Connection of a saved server, or of a form that is not saved yet. @param array<string, mixed> $form */
    public static function testConnection(string $module, ?int $server = null, array $form = []): array
    {
        $params = $form === [] && $server !== null
            ? Params::ofServer($server)
            : ['serverid' => $server ?? ''] + Params::connection($form);
        return AdminArea::testConnection($module, $params);
    }

    /** @param array<string, string> $form the fields of the pressed button's form */
    public static function clientArea(int $service, int $client, ?string $function = null, array $form = []): array
    {
        $page = ClientArea::page($service, $client, $function, Actor::Client, $form);
        return ['buttons' => (object) $page['buttons']] + $page;
    }

    /** @param array<string, mixed> $session what the visitor's PHP session has */
    public static function singleSignOn(int $service, int $client, string $by = 'client', array $session = []): array
    {
        return SingleSignOn::service($service, Actor::from($by), $client, $session);
    }

    /** @param array<string, mixed> $session */
    public static function customAction(int $service, int $client, string $name, array $session = []): array
    {
        return SingleSignOn::action($service, $client, $name, $session);
    }

    public static function serverSignOn(int $server): array
    {
        return SingleSignOn::server($server);
    }

    public static function activate(string $module): array
    {
        Actor::Admin->enter();
        return Addons::activate($module);
    }

    public static function deactivate(string $module): array
    {
        Actor::Admin->enter();
        return Addons::deactivate($module);
    }

    /** @param array<string, string> $settings */
    public static function configure(string $module, array $settings): void
    {
        Addons::save($module, $settings);
    }

    /** The addon's page. @param array<string, mixed> $get @param array<string, mixed> $post an empty one means GET */
    public static function output(string $module, array $get = [], array $post = []): array
    {
        Actor::Admin->enter();
        [$_GET, $_POST] = [['module' => $module] + $get, $post];
        $_REQUEST = $_POST + $_GET;
        $_SERVER['REQUEST_METHOD'] = $post === [] ? 'GET' : 'POST';
        return ['html' => Addons::output($module)];
    }

    public static function localApi(string $action, array $values): array
    {
        return Api::answer($action, $values);
    }

    /** Everything that a test may want to look at. */
    public static function state(): array
    {
        $rows = static fn (string $table): array => Capsule::table($table)->orderBy('id')->get()->all();
        $services = array_map(static function (object $service): object {
            $service->password = decrypt((string) $service->password);
            return $service;
        }, $rows('tblhosting'));
        return [
            'services' => $services,
            'mails' => $rows('tblemails'),
            'queue' => $rows('tblmodulequeue'),
            'module_log' => $rows('tblmodulelog'),
            'activities' => $rows('tblactivitylog'),
            'notifications' => $rows('fake_notifications'),
            'api_requests' => $rows('fake_requests'),
            'php_faults' => Faults::all(),
        ];
    }
}
