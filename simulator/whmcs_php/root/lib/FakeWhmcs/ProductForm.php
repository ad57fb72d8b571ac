<?php

declare(strict_types=1);

namespace FakeWhmcs;

use Illuminate\Database\Capsule\Manager as Capsule;

/**
 * A product's Module Settings as staff see them.
 *
 * Source: https://developers.whmcs.com/provisioning-modules/config-options and provisioning-modules/loader-functions
 */
final class ProductForm
{
    /** The most settings that a module may have. */
    public const FIELDS = 24;

    /** @return list<array<string, mixed>> name, type, options, value, description, error (of a loader, or "") */
    public static function fields(int $productId): array
    {
        $product = Capsule::table('tblproducts')->find($productId);
        $fields = Modules::call($product->servertype, 'ConfigOptions', []);
        if (count($fields) > self::FIELDS) {
            throw new \LengthException('WHMCS has room for ' . self::FIELDS . ' module settings');
        }
        $shown = [];
        $n = 0;
        foreach ($fields as $key => $field) {
            $n++;
            $shown[] = [
                'name' => (string) ($field['FriendlyName'] ?? $key),
                'type' => (string) ($field['Type'] ?? 'text'),
                'value' => (string) ($product->{"configoption$n"} ?? $field['Default'] ?? ''),
                'description' => (string) ($field['Description'] ?? ''),
            ] + self::choices($product, $field);
        }
        return $shown;
    }

    private static function choices(object $product, array $field): array
    {
        $options = $field['Options'] ?? [];
        if (is_string($options)) {
            $names = array_map('trim', explode(',', $options));
            $options = array_combine($names, $names);
        }
        if (empty($field['Loader'])) {
            return ['options' => (object) $options, 'error' => ''];
        }
        try {
            $options = $field['Loader'](Params::ofServer(self::server($product)));
            return ['options' => (object) $options, 'error' => ''];
        } catch (\Throwable $error) {
            return ['options' => (object) [], 'error' => $error->getMessage()];
        }
    }

    /** The first server of the product's group, else of its module. */
    private static function server(object $product): int
    {
        $servers = Capsule::table('tblservers')->where(['type' => $product->servertype, 'disabled' => false]);
        return (int) $servers->orderBy('id')->value('id');
    }
}
