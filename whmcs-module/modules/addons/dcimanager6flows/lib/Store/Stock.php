<?php

declare(strict_types=1);

namespace Dciflow\Store;

use Dciflow\Prefect\PrefectError;
use Dciflow\Request\Deadline;
use Dciflow\Request\ErrorBoundary;
use Dciflow\Request\Order;
use Dciflow\Request\Refusal;
use Dciflow\Request\Requests;
use Dciflow\Whmcs\ModuleParams;
use Dciflow\Whmcs\Whmcs;
use WHMCS\Database\Capsule;

if (!defined('WHMCS')) {
    die('This file cannot be accessed directly');
}

/**
 * WHMCS's stock of the products that ask for it: the free, fit servers that nobody has been promised.
 *
 * Unknown is not zero: on any doubt a product's stock stays as it is, and our table keeps why. WHMCS takes one off at
 * each order and sells nothing at zero; its documentation does not say so.
 */
final class Stock
{
    private const SECONDS = 20.0; // of a cron call, for all panels together
    private const PANEL_SECONDS = 6.0;

    private Deadline $deadline;

    private function __construct(Deadline $deadline)
    {
        $this->deadline = $deadline;
    }

    public static function follow(): void
    {
        $stock = new self(new Deadline(self::SECONDS));
        foreach (self::products() as $product) {
            if ((int) $product->stockcontrol !== 1) {
                continue;
            }
            $why = ErrorBoundary::text(static function () use ($stock, $product): string {
                $stock->write($product, $stock->count($product));
                return '';
            });
            if ($why !== '') {
                StockNotes::doubt((int) $product->id, $why);
            }
        }
    }

    /** The products whose setting says so. @return list<\stdClass> rows of tblproducts */
    public static function products(): array
    {
        $rows = Capsule::table('tblproducts')->where('servertype', ServiceCache::MODULE)->orderBy('id')->get()->all();
        return array_values(array_filter($rows, static function (\stdClass $product): bool {
            return (new ModuleParams((array) $product))->isOn(Order::STOCK);
        }));
    }

    /** @throws Refusal|PrefectError the number is not known */
    private function count(\stdClass $product): int
    {
        $settings = new ModuleParams((array) $product);
        $configuration = $settings->setting(Order::CONFIGURATION);
        $location = $settings->setting(Order::LOCATION);
        $panels = self::panels((int) $product->servergroup);
        if ($panels === []) {
            throw new Refusal('There is no DCImanager 6 server that it may be sold from.');
        }
        $number = 0;
        foreach ($panels as $panel) {
            $catalogue = Catalogue::of($panel, new Deadline(min(self::PANEL_SECONDS, $this->deadline->seconds())));
            $free = $catalogue->fit($configuration, $location);
            $number += max(0, $free - Requests::promised($panel, $configuration, $location, $catalogue->at()));
        }
        return $number;
    }

    /** @return list<string> the panels of a server group, or of all servers that are ours */
    private static function panels(int $group): array
    {
        $servers = Capsule::table('tblservers')->where('type', ServiceCache::MODULE)->where('disabled', 0);
        if ($group !== 0) {
            $servers->whereIn('id', Capsule::table('tblservergroupsrel')->where('groupid', $group)->pluck('serverid'));
        }
        $panels = [];
        foreach ($servers->orderBy('id')->pluck('id') as $serverId) {
            $panels[] = Panels::name((int) $serverId);
        }
        return $panels;
    }

    private function write(\stdClass $product, int $number): void
    {
        $before = StockNotes::number((int) $product->id) ?? (int) $product->qty;
        if ((int) $product->qty !== $number) {
            // Only over what was read: WHMCS takes one off at each order, and may do so right now.
            Capsule::table('tblproducts')->where('id', $product->id)->where('stockcontrol', 1)
                ->where('qty', $product->qty)->update(['qty' => $number]);
        }
        StockNotes::known((int) $product->id, $number);
        if (($number === 0) !== ($before <= 0)) {
            $news = $number === 0 ? 'is sold out' : "can be sold again: $number free";
            Whmcs::activity("product $product->id ($product->name) $news");
        }
    }
}
