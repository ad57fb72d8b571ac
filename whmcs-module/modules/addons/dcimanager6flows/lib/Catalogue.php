<?php

declare(strict_types=1);

namespace Dciflow;

use WHMCS\Database\Capsule;

if (!defined('WHMCS')) {
    die('This file cannot be accessed directly');
}

/** What a panel offers, as a flow keeps it in Prefect's variables: the choices of the product form. */
final class Catalogue
{
    private const LISTS = ['configurations', 'os_templates', 'ip_pools', 'locations'];
    private const MOST_PARTS = 50;
    private const SECONDS = 6.0; // four fields of a form ask; the second one finds it read

    /** @var array<string, self> by panel */
    private static array $read = [];

    /** @var array<string, list<mixed>> */
    private array $lists;

    /** @param array<string, list<mixed>> $lists */
    private function __construct(array $lists)
    {
        $this->lists = $lists;
    }

    /**
     * The choices for one of the module settings, value => label, with what products have saved already.
     *
     * @param array<string, mixed> $params of a loader: the server part only
     * @return array<string, string>
     * @throws \Exception it cannot be read; WHMCS shows the text and a text field
     */
    public static function choices(int $position, array $params): array
    {
        $problem = Guard::text(static function () use ($params, &$catalogue): string {
            Schema::ensure();
            $catalogue = self::of(new Call($params));
            return '';
        });
        if (!$catalogue instanceof self) {
            throw new \Exception("The panel's catalogue cannot be read, write the name by hand. $problem");
        }
        $choices = $catalogue->values($position);
        if ($choices === []) {
            throw new \Exception('The panel\'s catalogue has no entry for this, write the name by hand.');
        }
        foreach (self::saved($position) as $value) {
            if (!array_key_exists($value, $choices)) {
                $choices[$value] = $value . ' (not in the catalogue)';
            }
        }
        return $position === Order::LOCATION ? ['' => 'Every location'] + $choices : $choices;
    }

    private static function of(Call $call): self
    {
        $serverId = $call->int('serverid') ?: self::onlyServer();
        $panel = Panels::name($serverId);
        if (!isset(self::$read[$panel])) {
            $prefect = new Prefect(new Deadline(self::SECONDS));
            // A flow that writes it anew while we read gives parts of two ages: read again, once.
            $catalogue = self::read($panel, $prefect) ?? self::read($panel, $prefect);
            if ($catalogue === null) {
                throw new Refusal("Prefect has no whole catalogue of panel $panel yet.");
            }
            self::$read[$panel] = $catalogue;
        }
        return self::$read[$panel];
    }

    private static function read(string $panel, Prefect $prefect): ?self
    {
        $name = 'dcimanager_catalogue_' . str_replace('-', '_', $panel);
        $head = $prefect->variable($name);
        $at = $head['at'] ?? null;
        $parts = (int) ($head['parts'] ?? 0);
        if ($at === null || $parts < 1 || $parts > self::MOST_PARTS) {
            return null;
        }
        $lists = array_fill_keys(self::LISTS, []);
        for ($number = 1; $number <= $parts; $number++) {
            $part = $prefect->variable($name . '_' . $number);
            if ($part === null || ($part['at'] ?? null) !== $at) {
                return null;
            }
            foreach (self::LISTS as $list) {
                $more = $part[$list] ?? [];
                $lists[$list] = array_merge($lists[$list], is_array($more) ? array_values($more) : []);
            }
        }
        return new self($lists);
    }

    /** @return array<string, string> */
    private function values(int $position): array
    {
        $choices = [];
        if ($position === Order::CONFIGURATION) {
            foreach ($this->lists['configurations'] as $configuration) {
                $name = is_array($configuration) ? (string) ($configuration['name'] ?? '') : '';
                $total = is_array($configuration) ? ($configuration['total'] ?? null) : null;
                // Unknown is not zero.
                $choices[$name] = $name . (is_int($total) ? " ($total free)" : '');
            }
        } elseif ($position === Order::LOCATION) {
            foreach ($this->lists['locations'] as $location) {
                $id = is_array($location) ? (string) ($location['id'] ?? '') : '';
                $choices[$id] = $id . ' ' . (is_array($location) ? (string) ($location['name'] ?? '') : '');
            }
        } else {
            foreach ($this->lists[$position === Order::OS ? 'os_templates' : 'ip_pools'] as $name) {
                $choices[(string) $name] = (string) $name;
            }
        }
        unset($choices['']);
        return $choices;
    }

    /** What products of this module have saved at a position. @return list<string> */
    private static function saved(int $position): array
    {
        $values = Capsule::table('tblproducts')->where('servertype', Services::MODULE)->distinct()
            ->pluck('configoption' . $position)->all();
        return array_values(array_filter(array_map('strval', $values), static function (string $value): bool {
            return $value !== '';
        }));
    }

    private static function onlyServer(): int
    {
        $ids = Capsule::table('tblservers')->where('type', Services::MODULE)->limit(2)->pluck('id')->all();
        if (count($ids) !== 1) {
            throw new Refusal('Choose a server group with a DCImanager 6 server first.');
        }
        return (int) $ids[0];
    }
}
