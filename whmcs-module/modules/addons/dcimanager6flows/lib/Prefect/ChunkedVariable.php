<?php

declare(strict_types=1);

namespace Dciflow\Prefect;

use Dciflow\Request\Refusal;
use Dciflow\Store\Reports;

if (!defined('WHMCS')) {
    die('This file cannot be accessed directly');
}

/** A value in several Prefect variables: an index with the number of parts, and the parts, all stored at one time. */
final class ChunkedVariable
{
    private const MOST_PARTS = 200;

    /** When the flow stored it, as Unix time. */
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
     * The parts put together; null when nothing is stored under this name.
     *
     * @throws Refusal the parts do not fit together, at the second reading either
     */
    public static function read(Prefect $prefect, string $name): ?self
    {
        $head = $prefect->variable($name);
        if ($head === null) {
            return null;
        }
        // A flow that writes it while we read gives old and new parts: read again, once.
        $variable = self::parts($prefect, $name, $head)
            ?? self::parts($prefect, $name, $prefect->variable($name) ?? []);
        if ($variable === null) {
            throw new Refusal("Prefect's variables $name do not fit together.");
        }
        return $variable;
    }

    /** @return list<string> */
    public function names(): array
    {
        return array_map('strval', array_keys($this->lists));
    }

    /** @return list<mixed> */
    public function list(string $name): array
    {
        return $this->lists[$name] ?? [];
    }

    /** Whether it was stored within the last `$seconds`; a time as far in the future is not fresh either. */
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
            $part = $prefect->variable(self::partOf($name, $number, ($head['apart'] ?? null) === true));
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

    /** A part's own name: part 2 of panel main's could be the index of panel main-2's, and then stands apart. */
    private static function partOf(string $name, int $number, bool $apart): string
    {
        $of = (string) preg_replace('/^dcimanager_/', '', $name);
        return $apart ? 'dcimanager_part_' . $number . '_of_' . $of : $name . '_' . $number;
    }
}
