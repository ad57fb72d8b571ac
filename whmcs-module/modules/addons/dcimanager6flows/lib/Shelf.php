<?php

declare(strict_types=1);

namespace Dciflow;

if (!defined('WHMCS')) {
    die('This file cannot be accessed directly');
}

/** What a flow keeps in Prefect's variables: an index that tells the number of parts, and the parts, all of one moment. */
final class Shelf
{
    private const MOST_PARTS = 200;

    /** The moment at which it was kept, as Unix time. */
    public int $at;
    /** @var array<string, list<mixed>> */
    private array $lists;

    /** @param array<string, list<mixed>> $lists */
    private function __construct(int $at, array $lists)
    {
        $this->at = $at;
        $this->lists = $lists;
    }

    /**
     * The parts put together; null when nothing is kept under this name.
     *
     * @throws Refusal the parts are not of one moment, twice, or are no shelf
     */
    public static function read(Prefect $prefect, string $name): ?self
    {
        $head = $prefect->variable($name);
        if ($head === null) {
            return null;
        }
        // A flow that writes it anew while we read gives parts of two ages: read again, once.
        $shelf = self::parts($prefect, $name, $head) ?? self::parts($prefect, $name, $prefect->variable($name) ?? []);
        if ($shelf === null) {
            throw new Refusal("Prefect's variables $name do not fit together.");
        }
        return $shelf;
    }

    /** The end of a variable's name that is about a panel. */
    public static function word(string $panel): string
    {
        return str_replace('-', '_', $panel);
    }

    /** @return list<mixed> */
    public function list(string $name): array
    {
        return $this->lists[$name] ?? [];
    }

    /** Whether it was kept within the last `$seconds`; a clock that is as far ahead counts as wrong. */
    public function isFresh(int $seconds): bool
    {
        return abs(time() - $this->at) <= $seconds;
    }

    /** @param array<string, mixed> $head */
    private static function parts(Prefect $prefect, string $name, array $head): ?self
    {
        $moment = $head['at'] ?? null;
        $at = is_string($moment) ? strtotime($moment) : false;
        $count = (int) Reports::word($head['parts'] ?? 0);
        if ($at === false || $count < 1 || $count > self::MOST_PARTS) {
            return null;
        }
        $lists = [];
        for ($number = 1; $number <= $count; $number++) {
            $part = $prefect->variable($name . '_' . $number);
            if ($part === null || ($part['at'] ?? null) !== $moment) {
                return null;
            }
            unset($part['at']);
            foreach ($part as $list => $more) {
                $lists[$list] = array_merge($lists[$list] ?? [], is_array($more) ? array_values($more) : []);
            }
        }
        return new self($at, $lists);
    }
}
