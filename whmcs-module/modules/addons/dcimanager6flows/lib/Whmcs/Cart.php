<?php

declare(strict_types=1);

namespace Dciflow\Whmcs;

use Dciflow\Store\ServiceCache;
use WHMCS\Database\Capsule;

if (!defined('WHMCS')) {
    die('This file cannot be accessed directly');
}

/** What is refused in the cart, before anybody pays: host names that no server can have. */
final class Cart
{
    /**
     * The product of the cart that a client configures now.
     *
     * @param array<string, mixed> $form what was sent: i, the product's place in the cart, and hostname
     * @return list<string>
     */
    public static function wrongOfForm(array $form): array
    {
        $product = self::products()[(string) ($form['i'] ?? '')] ?? null;
        $hostName = $form['hostname'] ?? null;
        return is_array($product) && is_string($hostName) ? self::wrong($product, $hostName) : [];
    }

    /** All products of the cart. @return list<string> */
    public static function wrongOfAll(): array
    {
        $wrong = [];
        foreach (self::products() as $product) {
            if (is_array($product)) {
                $server = $product['server'] ?? [];
                $hostName = (is_array($server) ? $server['hostname'] ?? '' : '') ?: $product['domain'] ?? '';
                $wrong = array_merge($wrong, self::wrong($product, is_string($hostName) ? $hostName : ''));
            }
        }
        return $wrong;
    }

    /** @return array<string, mixed> the cart's products by their place */
    private static function products(): array
    {
        $cart = $_SESSION['cart'] ?? [];
        $products = is_array($cart) ? $cart['products'] ?? [] : [];
        return is_array($products) ? $products : [];
    }

    /** @param array<string, mixed> $product @return list<string> */
    private static function wrong(array $product, string $hostName): array
    {
        $why = HostName::wrong($hostName);
        if ($why === null) {
            return [];
        }
        $isOurs = Capsule::table('tblproducts')->where('id', (int) ($product['pid'] ?? 0))
            ->where('servertype', ServiceCache::MODULE)->exists();
        return $isOurs ? [$why] : [];
    }
}
