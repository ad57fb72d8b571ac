<?php

declare(strict_types=1);

namespace FakeWhmcs;

/** How an answer of the API is written: numbers as strings, nested or with flat keys, as JSON or as text. */
final class Writing
{
    public static function out(array $answer, bool $asJson): void
    {
        if (!$asJson || (Flags::get('api_text_errors') !== '' && $answer['result'] === 'error')) {
            header('Content-Type: text/html');
            foreach (self::flat($answer) as $key => $value) {
                echo "$key=" . (is_bool($value) ? (int) $value : $value) . ';';
            }
            return;
        }
        header('Content-Type: application/json');
        $body = self::withStrings($answer);
        echo json_encode(Flags::get('api_flat_keys') !== '' ? self::flat($body) : $body, JSON_THROW_ON_ERROR);
    }

    private static function withStrings(mixed $value): mixed
    {
        if (is_array($value)) {
            return array_map(self::withStrings(...), $value);
        }
        return is_int($value) || is_float($value) ? (string) $value : $value;
    }

    /** @return array<string, mixed> */
    private static function flat(array $value, string $prefix = ''): array
    {
        $pairs = [];
        foreach ($value as $word => $inner) {
            $key = $prefix === '' ? (string) $word : "{$prefix}[$word]";
            $pairs += is_array($inner) ? self::flat($inner, $key) : [$key => $inner];
        }
        return $pairs;
    }
}
