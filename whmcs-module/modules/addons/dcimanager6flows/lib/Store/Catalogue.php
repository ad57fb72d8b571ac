<?php

declare(strict_types=1);

namespace Dciflow\Store;

use Dciflow\Prefect\ChunkedVariable;
use Dciflow\Prefect\Contract;
use Dciflow\Prefect\Prefect;
use Dciflow\Prefect\PrefectError;
use Dciflow\Request\Deadline;
use Dciflow\Request\Refusal;

if (!defined('WHMCS')) {
    die('This file cannot be accessed directly');
}

/** What a panel offers, as a flow stores it in Prefect's variables. Unknown is not zero: a number may be null. */
final class Catalogue
{
    private const STOCK_SECONDS = 3600; // four times as long as the flow takes to write the next one

    /** @var array<string, self|\Exception> by panel: one answer serves all fields of a form and all products */
    private static array $read = [];

    private string $panel;
    private ChunkedVariable $variable;

    private function __construct(string $panel, ChunkedVariable $variable)
    {
        $this->panel = $panel;
        $this->variable = $variable;
    }

    /** @throws Refusal|PrefectError it cannot be read */
    public static function of(string $panel, Deadline $deadline): self
    {
        if (!isset(self::$read[$panel])) {
            try {
                self::$read[$panel] = self::read($panel, $deadline);
            } catch (Refusal | PrefectError $error) {
                self::$read[$panel] = $error;
            }
        }
        if (self::$read[$panel] instanceof \Exception) {
            throw self::$read[$panel];
        }
        return self::$read[$panel];
    }

    private static function read(string $panel, Deadline $deadline): self
    {
        $name = Contract::variableOf($panel, Contract::VARIABLE_CATALOGUE);
        $variable = ChunkedVariable::read(new Prefect($deadline), $name);
        if ($variable === null) {
            throw new Refusal("Prefect has no catalogue of panel $panel yet.");
        }
        return new self($panel, $variable);
    }

    /** The servers were counted no later than this, in our tables' format. */
    public function at(): string
    {
        return Time::at($this->variable->at);
    }

    /** @return array<string, int|null> free servers by configuration */
    public function configurations(): array
    {
        $totals = [];
        foreach ($this->entries(Contract::LIST_CONFIGURATIONS) as $entry) {
            $totals[self::text($entry['name'] ?? '')] = self::number($entry['total'] ?? null);
        }
        return $totals;
    }

    /** @return array<string, string> names by id */
    public function locations(): array
    {
        $names = [];
        foreach ($this->entries(Contract::LIST_LOCATIONS) as $entry) {
            $names[self::text($entry['id'] ?? '')] = self::text($entry['name'] ?? '');
        }
        return $names;
    }

    /** @param string $list of OS templates or IP pools @return list<string> */
    public function names(string $list): array
    {
        return array_map([self::class, 'text'], $this->variable->list($list));
    }

    /**
     * Free, fit servers of a configuration, in one location or, for '', in all.
     *
     * @throws Refusal the number is not known
     */
    public function fit(string $configuration, string $location): int
    {
        if (!$this->variable->isFresh(self::STOCK_SECONDS)) {
            throw new Refusal("The catalogue of panel $this->panel is of " . $this->at() . ' UTC: too old to count by.');
        }
        // Ids that are digits become numbers as keys of an array, in both.
        if ($location !== '' && !array_key_exists($location, $this->locations())) {
            throw new Refusal("Panel $this->panel has no location $location.");
        }
        foreach ($this->entries(Contract::LIST_CONFIGURATIONS) as $entry) {
            if (($entry['name'] ?? null) !== $configuration) {
                continue;
            }
            $fit = $entry['fit'] ?? null;
            $number = $location === '' ? ($entry['total'] ?? null) : (is_array($fit) ? $fit[$location] ?? 0 : null);
            if (self::number($number) === null) {
                throw new Refusal("Panel $this->panel could not count its free servers of $configuration.");
            }
            return (int) $number;
        }
        throw new Refusal("Panel $this->panel has no configuration $configuration.");
    }

    /** @return list<array<string, mixed>> */
    private function entries(string $list): array
    {
        return array_values(array_filter($this->variable->list($list), 'is_array'));
    }

    /** @param mixed $value */
    private static function number($value): ?int
    {
        return is_int($value) && $value >= 0 ? $value : null;
    }

    /** @param mixed $value as it is: it becomes a choice, and an order compares it */
    private static function text($value): string
    {
        return is_scalar($value) ? (string) $value : '';
    }
}
