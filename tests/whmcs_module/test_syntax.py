"""The module's PHP can be read by every PHP from 7.4 on (WHMCS 8.13)."""

import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
FILES = sorted((ROOT / "whmcs-module").rglob("*.php"))
CHECK = Path(__file__).with_name("newer_than_7_4.php")

pytestmark = pytest.mark.skipif(shutil.which("php") is None, reason="no php here")

EVERY_FILE = pytest.mark.parametrize("file", FILES, ids=lambda file: str(file.relative_to(ROOT / "whmcs-module")))

NEWER = {
    "match": "$a = match ($b) { 1 => 2, default => 3 };",
    "enum": "enum Suit: string { case A = 'a'; }",
    "readonly": "class A { readonly int $a; }",
    "nullsafe ?->": "$a = $b?->c;",
    "attribute": "#[Mine] class A {}",
    "function str_contains": "$a = \\str_contains('a', 'b');",
    "function array_is_list": "$a = array_is_list([]);",
    "class weakmap": "$a = new WeakMap();",
    "class stringable": "class A implements \\Stringable { public function __toString(): string { return ''; } }",
    "named argument": "f(1, flags: 2);",
    "first-class callable": "$a = strlen(...);",
    "throw in an expression": "$a = $b ?? throw new Exception('c');",
    "comma after the last parameter": "function f(int $a, int $b,) {}",
    "new as a default": "function f(A $a = new A()) {}",
    "promoted parameter": "class A { function __construct(private int $a) {} }",
    "type in parentheses": "function f((A&B)|C $a) {}",
    "type mixed": "function f(array $a = [1, 2], mixed $b = null) {}",
    "type static": "class A { function f(): static { return $this; } }",
    "type never": "$f = static fn (int $a): never => exit;",
    "type null": "function f(?A $a): null|A {}",
    "union type": "class A { private int|string $a; }",
    "intersection type": "function f(A&B $a) {}",
    "catch without a variable": "try { f(); } catch (A | B) {}",
    "final constant": "class A { final public const B = 1; }",
    "typed constant": "class A { public const string B = 'c'; }",
    "octal number 0o": "$a = 0o17;",
    "::class of an object": "$a = $b::class;",
}
"""What 7.4 does not know, by what the check calls it."""

OLD = r"""
namespace Dciflow;
use function strlen;
use Dciflow\{A, B};
final class Old extends A implements B
{
    public const C = 1, D = 2;
    private static ?string $one = null;
    protected array $two = ['x' => self::C | self::D, 'y' => 0777];
    public ?self $three;
    public function __construct(?int $a, A $b, callable $c = null, string ...$rest)
    {
        $this->match = $a ? self::C : self::D;
    }
    public static function make(array &$a, $b = [1, 2], int $c = self::C | self::D): self { return new static(...$a); }
    public function enum(bool $case): ?string
    {
        static $calls = 0;
        switch ($case) {
            case self::C:
            case PHP_EOL: throw new \Exception('a');
            default: throw new \Exception(static::class . \strlen('b'));
        }
        if ($case): throw new \Exception('c'); else: $calls++; endif;
    }
    public function match(string $a): int { return self::match($a); }
    public function str_contains(string $a): bool { return strpos($a, 'b') !== false; }
}
try {
    $f = static function (int $a) use (&$b): void { $a <=> $b; };
    $g = fn (int $a, ?A $b = null): int => $a | self::C;
    $h ??= $old->str_contains('a') ? f(A, [1, 2, ],) : Old::make($i, E_ALL | E_STRICT);
    $j = $k ? (A) : (B);
    // match, enum and str_contains() in words
    echo "{$old->match['fn']} $k[0] ?-> readonly";
} catch (A | B $e) {
    if (!$e instanceof static) throw $e;
}
"""
"""What 7.4 knows and what looks like something newer."""


def newer_than_7_4(*files: Path) -> list[str]:
    """What the check finds, without the place."""
    command = ["php", str(CHECK), *map(str, files)]
    said = subprocess.run(command, capture_output=True, text=True, check=True)
    assert not said.stderr
    return said.stdout.splitlines()


def written(folder: Path, code: str) -> Path:
    """A PHP file with this code."""
    file = folder / "sample.php"
    file.write_text(f"<?php\n{code}\n", encoding="utf-8")
    return file


@EVERY_FILE
def test_php_can_read_it(file: Path) -> None:
    said = subprocess.run(["php", "-l", str(file)], capture_output=True, text=True)
    assert said.returncode == 0, said.stdout + said.stderr
    assert said.stdout.strip() == f"No syntax errors detected in {file}"  # a deprecation stands before it


@EVERY_FILE
def test_it_has_nothing_that_php_7_4_does_not_know(file: Path) -> None:
    assert newer_than_7_4(file) == []


@EVERY_FILE
def test_it_refuses_to_be_called_from_the_web(file: Path) -> None:
    guard = "if (!defined('WHMCS')) { die('This file cannot be accessed directly'); }"
    assert guard in " ".join(file.read_text(encoding="utf-8").split())


@pytest.mark.parametrize("what", NEWER)
def test_what_is_newer_is_found(tmp_path: Path, what: str) -> None:
    file = written(tmp_path, NEWER[what])
    assert f"{file}:2: {what}" in newer_than_7_4(file)


@pytest.mark.parametrize(
    "code",
    ["$a = $b ? $c : throw new A();", "$a = $b ?: throw new A();", "f() or throw new A();", "fn () => throw $a;"],
)
def test_a_throw_in_an_expression_is_found_wherever_it_stands(tmp_path: Path, code: str) -> None:
    file = written(tmp_path, code)
    assert newer_than_7_4(file) == [f"{file}:2: throw in an expression"]


def test_nothing_is_found_in_what_7_4_knows(tmp_path: Path) -> None:
    file = written(tmp_path, OLD)
    subprocess.run(["php", "-l", str(file)], check=True, capture_output=True)
    assert newer_than_7_4(file) == []
