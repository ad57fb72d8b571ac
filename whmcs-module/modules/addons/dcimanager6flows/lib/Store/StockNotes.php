<?php

declare(strict_types=1);

namespace Dciflow\Store;

use Dciflow\Page\Html;
use Dciflow\Page\Text;
use Dciflow\Request\Order;
use Dciflow\Whmcs\ModuleParams;
use WHMCS\Database\Capsule;

if (!defined('WHMCS')) {
    die('This file cannot be accessed directly');
}

/** What was last known of each product's stock, and since when it is not known any more. */
final class StockNotes
{
    private const TABLE = 'mod_dcimanager6_stock';
    private const LOW = 1; // free servers: the next order takes the last one

    /** The last number that was known. */
    public static function number(int $productId): ?int
    {
        $number = self::row($productId)->value('number');
        return $number === null ? null : (int) $number;
    }

    public static function known(int $productId, int $number): void
    {
        self::keep($productId, ['number' => $number, 'known_at' => Time::now(), 'doubt' => '']);
    }

    public static function doubt(int $productId, string $why): void
    {
        self::keep($productId, ['doubt' => $why]);
    }

    /** For the addon's page, as HTML. */
    public static function html(): string
    {
        $rows = [];
        foreach (Stock::products() as $product) {
            $note = self::row((int) $product->id)->first();
            $isOn = (int) $product->stockcontrol === 1;
            $rows[] = [
                Text::html("$product->id $product->name"),
                Text::html((new ModuleParams((array) $product))->setting(Order::CONFIGURATION)),
                $isOn ? (string) (int) $product->qty : '-',
                $note === null || $note->known_at === null ? 'never' : Text::html("$note->known_at UTC"),
                Text::html($isOn ? self::doubtOf($note) : 'Stock Control of the product is off: switch it on.'),
            ];
        }
        $head = ['Product', 'Configuration', 'Stock', 'Counted', 'Why it is not known now'];
        return Html::table($head, $rows, 'No product has the setting "Stock of free servers".');
    }

    /** The products that are sold out, nearly so, or whose stock is not known, as phrases. @return list<string> */
    public static function short(): array
    {
        $short = [];
        foreach (Stock::products() as $product) {
            if ((int) $product->stockcontrol !== 1) {
                continue;
            }
            $note = self::row((int) $product->id)->first();
            if ($note !== null && (string) $note->doubt !== '') {
                $short[] = "$product->name is not known now";
            } elseif ((int) $product->qty <= self::LOW) {
                $short[] = "$product->name " . ((int) $product->qty > 0 ? 'has ' . (int) $product->qty : 'is sold out');
            }
        }
        return $short;
    }

    private static function doubtOf(?\stdClass $note): string
    {
        return $note === null ? 'It is counted at the next call of the cron.' : (string) $note->doubt;
    }

    /** @param array<string, int|string> $values */
    private static function keep(int $productId, array $values): void
    {
        Capsule::table(self::TABLE)->insertOrIgnore(['product_id' => $productId, 'doubt' => '']);
        self::row($productId)->update($values);
    }

    private static function row(int $productId): \Illuminate\Database\Query\Builder
    {
        return Capsule::table(self::TABLE)->where('product_id', $productId);
    }
}
