<?php

declare(strict_types=1);

namespace Dciflow\Page;

use Dciflow\Store\Traffic;

if (!defined('WHMCS')) {
    die('This file cannot be accessed directly');
}

/** The last days' traffic as a small picture: SVG without script or style, with its content in words. */
final class TrafficGraph
{
    private const DAY_WIDTH = 20;
    private const BAR_WIDTH = 8;
    private const HEIGHT = 100;
    private const WIDTH = self::DAY_WIDTH * Traffic::DAYS_SHOWN;
    private const COLOURS = ['received_mb' => '#2a6fbb', 'sent_mb' => '#d9822b'];

    /** As HTML; '' where nothing is known. A day that is not known has no bars. */
    public static function svg(int $serviceId): string
    {
        $days = Traffic::days($serviceId);
        if ($days === []) {
            return '';
        }
        $highest = 1;
        foreach ($days as $day) {
            $highest = max($highest, (int) $day->received_mb, (int) $day->sent_mb);
        }
        $bars = '';
        foreach (self::calendar() as $place => $name) {
            $bars .= isset($days[$name]) ? self::bars($place, $name, $days[$name], $highest) : '';
        }
        $id = "dci-traffic-$serviceId";
        $width = self::WIDTH;
        $height = self::HEIGHT;
        return "<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 $width $height\" width=\"$width\" "
            . "height=\"$height\" role=\"img\" aria-labelledby=\"$id-title $id-desc\">"
            . "<title id=\"$id-title\">" . Text::html('Traffic of the last ' . Traffic::DAYS_SHOWN . ' days') . '</title>'
            . "<desc id=\"$id-desc\">" . Text::html(self::words($days)) . '</desc>'
            . "<path d=\"M0 $height H$width\" stroke=\"#999999\" fill=\"none\"/>$bars</svg>"
            . '<p>' . Text::html(self::words($days)) . '</p>';
    }

    /** The last closed month in words; '' where it is not known. */
    public static function month(int $serviceId): string
    {
        $month = Traffic::month($serviceId, Traffic::lastMonth());
        if ($month === null) {
            return '';
        }
        $words = Traffic::lastMonth() . ': ' . self::size((int) $month->received_mb) . ' in, '
            . self::size((int) $month->sent_mb) . ' out';
        $rate = $month->rate_kbit === null ? '' : number_format((int) $month->rate_kbit / 1000, 1, '.', '');
        return $words . ($rate === '' ? '' : ", 95th percentile $rate Mbit/s");
    }

    /** The days of the picture, the oldest first. @return list<string> */
    private static function calendar(): array
    {
        $days = [];
        for ($ago = Traffic::DAYS_SHOWN; $ago > 0; $ago--) {
            $days[] = gmdate('Y-m-d', time() - $ago * 86400);
        }
        return $days;
    }

    private static function bars(int $place, string $name, \stdClass $day, int $highest): string
    {
        $words = "$name: " . self::size((int) $day->received_mb) . ' in, ' . self::size((int) $day->sent_mb) . ' out';
        $svg = '<g><title>' . Text::html($words) . '</title>';
        $x = $place * self::DAY_WIDTH + 2;
        foreach (self::COLOURS as $column => $colour) {
            // What is more than nothing is to be seen.
            $height = (int) ceil((int) $day->$column * self::HEIGHT / $highest);
            $y = self::HEIGHT - $height;
            $svg .= "<rect x=\"$x\" y=\"$y\" width=\"" . self::BAR_WIDTH . "\" height=\"$height\" fill=\"$colour\"/>";
            $x += self::BAR_WIDTH;
        }
        return $svg . '</g>';
    }

    /** @param array<string, \stdClass> $days */
    private static function words(array $days): string
    {
        $in = $out = 0;
        foreach ($days as $day) {
            $in += (int) $day->received_mb;
            $out += (int) $day->sent_mb;
        }
        $unknown = Traffic::DAYS_SHOWN - count($days);
        return self::size($in) . ' in (blue) and ' . self::size($out) . ' out (orange) on the ' . count($days)
            . ' days that are known' . ($unknown > 0 ? "; $unknown of the last " . Traffic::DAYS_SHOWN . ' are not.' : '.');
    }

    private static function size(int $megabytes): string
    {
        return $megabytes < Traffic::MB_PER_GB
            ? "$megabytes MB"
            : number_format($megabytes / Traffic::MB_PER_GB, 1, '.', '') . ' GB';
    }
}
