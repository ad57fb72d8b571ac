<?php

/*
 * Prints what PHP 7.4 does not know in the files that are named: "FILE:LINE: what", one a line; nothing when all is well.
 * Runs on PHP 8.1 or later, whose tokens it reads. It does not follow types: string keys that are unpacked ([...$map])
 * and named arguments by call_user_func_array stay unseen.
 */

declare(strict_types=1);

const TOKENS = [
    T_MATCH => 'match',
    T_ENUM => 'enum',
    T_READONLY => 'readonly',
    T_NULLSAFE_OBJECT_OPERATOR => 'nullsafe ?->',
    T_ATTRIBUTE => 'attribute',
];

const FUNCTIONS = [
    // 8.0
    'str_contains', 'str_starts_with', 'str_ends_with', 'fdiv', 'get_debug_type', 'get_resource_id',
    'preg_last_error_msg', 'date_create_from_interface', 'date_create_immutable_from_interface',
    // 8.1
    'array_is_list', 'fsync', 'fdatasync', 'enum_exists',
    // 8.2
    'ini_parse_quantity', 'memory_reset_peak_usage', 'curl_upkeep', 'mysqli_execute_query',
    'openssl_cipher_key_length', 'libxml_get_external_entity_loader',
    // 8.3
    'json_validate', 'mb_str_pad', 'str_increment', 'str_decrement', 'stream_context_set_options',
    // 8.4
    'array_find', 'array_find_key', 'array_any', 'array_all', 'mb_trim', 'mb_ltrim', 'mb_rtrim', 'mb_ucfirst',
    'mb_lcfirst', 'fpow', 'request_parse_body', 'http_get_last_response_headers', 'http_clear_last_response_headers',
    'bcdivmod', 'bcround', 'bcceil', 'bcfloor',
    // 8.5
    'array_first', 'array_last', 'get_error_handler', 'get_exception_handler',
];

const CLASSES = [
    'stringable', 'weakmap', 'phptoken', 'valueerror', 'unhandledmatcherror', 'attribute', 'returntypewillchange',
    'allowdynamicproperties', 'sensitiveparameter', 'override', 'deprecated', 'fiber', 'fibererror', 'unitenum',
    'backedenum', 'internaliterator', 'roundingmode',
];

const TYPES = ['mixed', 'static', 'never', 'null', 'false', 'true'];

const MODIFIERS = [T_PUBLIC, T_PROTECTED, T_PRIVATE, T_STATIC, T_VAR];

const MEMBER_COMES = [T_OBJECT_OPERATOR, T_NULLSAFE_OBJECT_OPERATOR, T_DOUBLE_COLON, T_FUNCTION, T_CONST];

const NAMES = [T_STRING, T_NAME_QUALIFIED, T_NAME_FULLY_QUALIFIED, T_NAME_RELATIVE, T_ARRAY, T_CALLABLE, T_STATIC];

/** The tokens of one file without white space and comments. */
final class Reader
{
    /** @var list<PhpToken> */
    private array $tokens;

    /** @var array<string, true> */
    private array $found = [];

    public function __construct(private string $file)
    {
        $all = PhpToken::tokenize((string) file_get_contents($file));
        $this->tokens = array_values(array_filter($all, static fn (PhpToken $token) => !$token->isIgnorable()));
    }

    /** @return list<string> */
    public function findings(): array
    {
        foreach ($this->tokens as $at => $token) {
            if ($this->is($at - 1, MEMBER_COMES) && !$token->is(T_CLASS)) {
                continue; // a name of their own: function match(), $a->enum()
            }
            if (isset(TOKENS[$token->id])) {
                $this->find($at, TOKENS[$token->id]);
            }
            $this->words($at, $token);
            $this->calls($at);
            $this->throws($at, $token);
            if ($token->is([T_FUNCTION, T_FN])) {
                $this->signature($at);
            } elseif ($token->is(MODIFIERS) && !$this->is($at - 1, [T_NEW, T_INSTANCEOF, '(', ','])) {
                $this->property($at + 1);
            } elseif ($token->is(T_CATCH)) {
                if (!$this->is($this->end($at + 1) - 1, T_VARIABLE)) {
                    $this->find($at, 'catch without a variable');
                }
            } elseif ($token->is(T_CONST)) {
                $this->constant($at);
            } elseif ($token->is(T_LNUMBER) && stripos($token->text, '0o') === 0) {
                $this->find($at, 'octal number 0o');
            } elseif ($token->is(T_CLASS) && $this->is($at - 1, T_DOUBLE_COLON) && $this->is($at - 2, [T_VARIABLE, ')'])) {
                $this->find($at, '::class of an object');
            }
        }
        return array_keys($this->found);
    }

    /** Functions and classes that came later; a function is one only where it is called. */
    private function words(int $at, PhpToken $token): void
    {
        if (!$token->is([T_STRING, T_NAME_FULLY_QUALIFIED])) {
            return;
        }
        $name = strtolower(ltrim($token->text, '\\'));
        if ($this->is($at + 1, '(') && !$this->is($at - 1, T_NEW)) {
            if (in_array($name, FUNCTIONS, true)) {
                $this->find($at, "function $name");
            }
        } elseif (in_array($name, CLASSES, true)) {
            $this->find($at, "class $name");
        }
    }

    /** name: as an argument, and f(...). */
    private function calls(int $at): void
    {
        if (!$this->is($at, ['(', ','])) {
            return;
        }
        $word = $this->tokens[$at + 1] ?? null;
        if ($word !== null && preg_match('/^\w+$/', $word->text) && !$word->is(T_DEFAULT) && $this->is($at + 2, ':')) {
            $this->find($at + 1, 'named argument');
        }
        if ($this->is($at, '(') && $this->is($at + 1, T_ELLIPSIS) && $this->is($at + 2, ')')) {
            $this->find($at, 'first-class callable');
        }
    }

    private function throws(int $at, PhpToken $token): void
    {
        if (!$token->is(T_THROW) || $this->is($at - 1, [';', '{', '}', ')', T_ELSE, T_DO, T_OPEN_TAG])) {
            return;
        }
        // After ":" it is a statement under a label, or the end of a ternary: how the statement begins tells.
        $first = $at - 1;
        while ($this->is($at - 1, ':') && isset($this->tokens[$first]) && !$this->is($first, [';', '{', '}'])) {
            $first--;
        }
        if (!$this->is($first + 1, [T_CASE, T_DEFAULT, T_IF, T_ELSEIF, T_ELSE, T_FOREACH, T_WHILE])) {
            $this->find($at, 'throw in an expression');
        }
    }

    /** Parameters, what a closure uses, and the type of what is returned. */
    private function signature(int $at): void
    {
        while (!$this->is($at, '(')) {
            $at++;
            if ($this->is($at, [';', '{', T_CONST]) || !isset($this->tokens[$at])) {
                return; // `use function ...;`
            }
        }
        $end = $this->end($at);
        $this->parameters($at, $end);
        if ($this->is($end + 1, T_USE)) {
            $uses = $end + 2;
            $end = $this->end($uses);
            if ($this->is($end - 1, ',')) {
                $this->find($end - 1, 'comma after the last parameter');
            }
        }
        if ($this->is($end + 1, ':')) {
            $this->type($end + 2);
        }
    }

    private function parameters(int $start, int $end): void
    {
        if ($this->is($end - 1, ',')) {
            $this->find($end - 1, 'comma after the last parameter');
        }
        for ($at = $start + 1, $depth = 0; $at < $end; $at++) {
            if ($this->is($at, T_NEW)) {
                $this->find($at, 'new as a default');
            }
            if ($depth === 0 && ($at - 1 === $start || $this->is($at - 1, ','))) {
                $first = $at;
                while ($this->is($first, [T_PUBLIC, T_PROTECTED, T_PRIVATE, T_READONLY])) {
                    $this->find($first++, 'promoted parameter');
                }
                $this->type($first);
            }
            $depth += (int) $this->is($at, ['(', '[', T_ATTRIBUTE]) - (int) $this->is($at, [')', ']']);
        }
    }

    private function property(int $at): void
    {
        while ($this->is($at, [...MODIFIERS, T_READONLY, T_FINAL])) {
            $at++;
        }
        if (!$this->is($at, [T_FUNCTION, T_FN, T_CONST, T_VARIABLE, T_DOUBLE_COLON, T_ABSTRACT])) {
            $this->type($at);
        }
    }

    /** A type from here on: T, ?T; not T|U, T&U, and none of the words that became types later. */
    private function type(int $at): void
    {
        if ($this->is($at, '(')) {
            $this->find($at, 'type in parentheses');
        }
        $at += (int) $this->is($at, '?');
        if (!$this->is($at, NAMES)) {
            return;
        }
        $word = strtolower($this->tokens[$at]->text);
        if (in_array($word, TYPES, true)) {
            $this->find($at, "type $word");
        }
        if ($this->is($at + 1, '|')) {
            $this->find($at, 'union type');
        } elseif ($this->is($at + 1, T_AMPERSAND_NOT_FOLLOWED_BY_VAR_OR_VARARG)) {
            $this->find($at, 'intersection type');
        }
    }

    private function constant(int $at): void
    {
        if ($this->is($at - 1, T_FINAL) || $this->is($at - 2, T_FINAL)) {
            $this->find($at, 'final constant');
        }
        if ($this->is($at + 1, NAMES) && $this->is($at + 2, T_STRING) && $this->is($at + 3, '=')) {
            $this->find($at, 'typed constant');
        }
    }

    /** The parenthesis that closes the one at this place. */
    private function end(int $at): int
    {
        for ($depth = 0; isset($this->tokens[$at]); $at++) {
            $depth += (int) $this->is($at, '(') - (int) $this->is($at, ')');
            if ($depth === 0) {
                return $at;
            }
        }
        return $at - 1;
    }

    private function is(int $at, mixed $kind): bool
    {
        return isset($this->tokens[$at]) && $this->tokens[$at]->is($kind);
    }

    private function find(int $at, string $what): void
    {
        $this->found["$this->file:{$this->tokens[$at]->line}: $what"] = true;
    }
}

foreach (array_slice($argv, 1) as $file) {
    foreach ((new Reader($file))->findings() as $finding) {
        echo $finding, "\n";
    }
}
