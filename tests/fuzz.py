"""Mutated specs by the thousand: each must compile or be told what is wrong with it, and soon.

    python tests/fuzz.py --count 200000 --seed 1        # an hour; a shorter run is part of the test-suite

Ends with the number of specs that compiled, that were told wrong and that failed, and with the slowest, in
seconds of the processor. Two runs at a time share the work by --first and --count. A case is known by its
number and the seed: --only NUMBER prints it and runs it alone.
"""

from __future__ import annotations

import argparse
import json
import random
import re
import resource
import signal
import sys
import time
import traceback
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from netc.compiler.diagnostics import Diagnostic, Source, SpecError
from netc.compiler.ir import TensorType
from netc.compiler.network import ColumnType, DataSpec
from netc.compiler.pipeline import compile
from netc.compiler.render import render
from netc.console import plain

SPECS = Path(__file__).parents[1] / "specs"
HANGS = 15.0  # seconds of the processor after which a case counts as a hang
MEMORY = 6 << 30

_PIECES = [
    *"()[]{}+-*/@^=~,:.<>!%#'\"\n\t \\;&|?$", "->", "<-", "...", "**", "==", "->\n", "“", "’", "→", "θ",
    "\ufeff", "\r", "\0", "\x1b[31m", "\ud7ff", "😀", "dim ", "input ", "param ", "state ", "shared ",
    "repeat ", "if ",
    "else ", "scan ", "carry ", "layer ", "return ", "optimizer ", "output ", "loss ", "metric ", "data ",
    "train ", "include ", "class(3)", "N", "training", "params", "grad(", "x", "h", ".T", " as c", " -> relu",
    " -> dense(3)", "3 * ", "same", "none", "true", "inf", "pi", "reshape(", "sum(", "axis = 1", "[0]",
    "[:, 1:]", "10^9 * ", "10^12", "repeat 10^9 { h = x }\n",
    'include "mlp.net"\n', "layer r(x[...]) { return r(x) }\n", "1000 * ",
]  # fmt: skip
_NUMBERS = [
    "0", "1", "2", "-1", "3", "7", "1000", "10000", "1000000", "1000000000000", "9223372036854775807",
    "99999999999999999999", "1e308", "1e-300", "1e999", "0.5", "1e3", "10%", "200%", "0x10", "1_000", "1,5",
    "1" * 120, "inf", "-inf",
]  # fmt: skip
_COLUMNS = {
    "image": ColumnType(TensorType("uint8", (3, 32, 32)), 0, False),
    "label": ColumnType(TensorType("int64", ()), 10, False),
    "features": ColumnType(TensorType("float32", (4,)), 0, False),
    "chars": ColumnType(TensorType("int64", (65,)), 96, True),
    "x": ColumnType(TensorType("float32", ()), 0, False),
    "y": ColumnType(TensorType("float32", ()), 0, False),
}
_PLAIN_IMAGE = ColumnType(TensorType("uint8", (1, 8, 8)), 0, False)


class Hang(Exception):
    """A case took longer than HANGS."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """seconds: of the processor. diagnostics: what was told; none, where the spec compiled."""

    seconds: float
    diagnostics: tuple[Diagnostic, ...]


def bases() -> list[str]:
    """The examples, and some with a file of the standard library written out above them."""
    examples = {path.stem: path.read_text("utf-8") for path in sorted(SPECS.glob("*.net"))}
    users = {
        "attention": "chars", "layers": "digits", "losses": "mlp", "metrics": "mlp",
        "normalise": "course_cnn",
        "optimizers": "lion", "recurrent": "recurrent", "functions": "course_mlp", "schedules": "nielsen",
        "data": "digits",
    }  # fmt: skip
    library = {path.stem: path.read_text("utf-8") for path in sorted((SPECS / "std").glob("*.net"))}
    return [*examples.values(), *(f"{library[k]}\n{examples[v]}" for k, v in users.items() if k in library)]


def mutated(rng: random.Random, texts: Sequence[str]) -> str:
    """One of the texts after one to four random edits."""
    text = rng.choice(texts)
    for _ in range(rng.choice((1, 1, 1, 2, 2, 3, 4))):
        text = rng.choice(_EDITS)(rng, text, texts)
    return text


def cases(seed: int, first: int, count: int) -> Iterator[tuple[int, str]]:
    texts = bases()
    for number in range(first, first + count):
        yield number, mutated(random.Random(f"{seed} {number}"), texts)


def judge(text: str) -> Outcome:
    """Compile a text and render what is said. Raises whatever is not a SpecError, and Hang."""
    began = time.process_time()
    previous = signal.signal(signal.SIGPROF, _hang)
    signal.setitimer(signal.ITIMER_PROF, HANGS)
    try:
        compile(Source("fuzz.net", text), read=_read, columns=_columns)
        found: tuple[Diagnostic, ...] = ()
    except SpecError as error:
        found = error.diagnostics
        if not found:
            raise AssertionError("a SpecError without a diagnostic") from error
        for diagnostic in found:
            render(diagnostic)
            json.dumps(plain(diagnostic))
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, previous)
    return Outcome(time.process_time() - began, found)


def _hang(number: int, frame: FrameType | None) -> None:
    raise Hang(f"not done after {HANGS:g} seconds")


def _read(path: str) -> Source:
    """Includes find the examples, so that files that include each other are met."""
    file = SPECS / Path(path).name
    return Source(path, file.read_text("utf-8"))


def _columns(spec: DataSpec) -> dict[str, ColumnType]:
    """Whatever the source is called, as no case may open a file."""
    return {**_COLUMNS, "image": _PLAIN_IMAGE} if spec.source == "digits" else _COLUMNS


def _place(rng: random.Random, text: str, most: int = 40) -> tuple[int, int]:
    start = rng.randint(0, len(text))
    return start, min(len(text), start + rng.randint(0, most))


def _delete(rng: random.Random, text: str, texts: Sequence[str]) -> str:
    start, end = _place(rng, text, rng.choice((1, 3, 20, 200)))
    return text[:start] + text[end:]


def _duplicate(rng: random.Random, text: str, texts: Sequence[str]) -> str:
    start, end = _place(rng, text, rng.choice((1, 10, 200)))
    return text[:end] + text[start:end] * rng.choice((1, 1, 2, 50)) + text[end:]


def _swap_lines(rng: random.Random, text: str, texts: Sequence[str]) -> str:
    lines = text.split("\n")
    i, j = rng.randrange(len(lines)), rng.randrange(len(lines))
    lines[i], lines[j] = lines[j], lines[i]
    return "\n".join(lines)


def _swap_words(rng: random.Random, text: str, texts: Sequence[str]) -> str:
    parts = re.split(r"(\w+)", text)
    if len(parts) < 5:
        return text
    i, j = (2 * rng.randrange(len(parts) // 2) + 1 for _ in range(2))
    parts[i], parts[j] = parts[j], parts[i]
    return "".join(parts)


def _other_word(rng: random.Random, text: str, texts: Sequence[str]) -> str:
    parts = re.split(r"(\w+)", text)
    if len(parts) < 3:
        return text
    i = 2 * rng.randrange(len(parts) // 2) + 1
    parts[i] = rng.choice(re.findall(r"\w+", rng.choice(texts)))
    return "".join(parts)


def _misspelt(rng: random.Random, text: str, texts: Sequence[str]) -> str:
    names = list(re.finditer(r"[a-zA-Z_]\w+", text))
    if not names:
        return text
    name = rng.choice(names)
    i = rng.randint(name.start(), name.end() - 1)
    return text[:i] + rng.choice(("", text[i] * 2, "e", "X")) + text[i + 1 :]


def _other_number(rng: random.Random, text: str, texts: Sequence[str]) -> str:
    numbers = list(re.finditer(r"\d[\w.]*%?", text))
    if not numbers:
        return text
    number = rng.choice(numbers)
    return text[: number.start()] + rng.choice(_NUMBERS) + text[number.end() :]


def _insert(rng: random.Random, text: str, texts: Sequence[str]) -> str:
    i = rng.randint(0, len(text))
    return text[:i] + "".join(rng.choice(_PIECES) for _ in range(rng.choice((1, 1, 2, 5)))) + text[i:]


def _truncate(rng: random.Random, text: str, texts: Sequence[str]) -> str:
    i = rng.randint(0, len(text))
    return text[:i] if rng.random() < 0.7 else text[i:]


def _noise(rng: random.Random, text: str, texts: Sequence[str]) -> str:
    data = bytearray(text.encode("utf-8", "replace"))
    for _ in range(rng.choice((1, 2, 10))):
        i = rng.randint(0, len(data))
        data[i : i + 1] = bytes([rng.randrange(256)])
    return data.decode("utf-8", "replace")


def _splice(rng: random.Random, text: str, texts: Sequence[str]) -> str:
    lines, others = text.split("\n"), rng.choice(texts).split("\n")
    i, j = rng.randint(0, len(lines)), rng.randrange(len(others))
    return "\n".join(lines[:i] + others[j : j + rng.choice((1, 3, 10))] + lines[i:])


def _nest(rng: random.Random, text: str, texts: Sequence[str]) -> str:
    i = rng.randint(0, len(text))
    opener, closer = rng.choice((("(", ")"), ("[", "]"), ("-", ""), ("repeat 2 {\n", "\n}"), ("f(", ")")))
    depth = rng.choice((3, 30, 150, 300, 3000))
    start, end = i, min(len(text), i + rng.randint(0, 30))
    return text[:start] + opener * depth + text[start:end] + closer * depth + text[end:]


def _enlarge(rng: random.Random, text: str, texts: Sequence[str]) -> str:
    """Mostly a few kilobytes more, sometimes 10 MB."""
    start, end = _place(rng, text)
    return (
        text[:end]
        + text[start:end] * (rng.choice((4000,) * 30 + (10_000_000,)) // max(end - start, 1))
        + text[end:]
    )


_EDITS = (
    _delete, _delete, _duplicate, _swap_lines, _swap_words, _other_word, _other_word, _misspelt,
    _other_number,
    _other_number, _insert, _insert, _truncate, _noise, _splice, _nest, _enlarge,
)  # fmt: skip


def main() -> int:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", type=int)
    given = parser.parse_args()
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    if given.only is not None:
        return _one(given.seed, given.only)
    totals: Counter[str] = Counter()
    slowest: list[tuple[float, int]] = []
    began = time.perf_counter()
    for number, text in cases(given.seed, given.first, given.count):
        try:
            outcome = judge(text)
        except Exception as error:
            totals["failed"] += 1
            frames = traceback.extract_tb(error.__traceback__)
            where = [f for f in frames if f.filename != __file__][-1]
            print(f"{number}: {type(error).__name__}: {error} ({where.filename}:{where.lineno})", flush=True)
            continue
        totals["told" if outcome.diagnostics else "compiled"] += 1
        slowest = sorted([*slowest, (outcome.seconds, number)], reverse=True)[:10]
        if (number + 1) % 1000 == 0:
            print(_line(totals, slowest, time.perf_counter() - began), flush=True)
    print(_line(totals, slowest, time.perf_counter() - began))
    print("slowest: " + ", ".join(f"{number} {seconds:.2f} s" for seconds, number in slowest))
    return int(totals["failed"] > 0)


def _line(totals: Counter[str], slowest: Sequence[tuple[float, int]], seconds: float) -> str:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss >> 10
    figures = ", ".join(f"{totals[k]:,} {k}" for k in ("compiled", "told", "failed"))
    longest = f"{slowest[0][0]:.2f} s" if slowest else "-"
    return (
        f"{sum(totals.values()):,} specs in {seconds:,.0f} s: {figures}; slowest {longest}; peak {peak:,} MiB"
    )


def _one(seed: int, number: int) -> int:
    ((_, text),) = cases(seed, number, 1)
    print(text)
    outcome = judge(text)
    for diagnostic in outcome.diagnostics:
        print(render(diagnostic))
    print(f"{outcome.seconds:.2f} s")
    return 0


if __name__ == "__main__":
    sys.exit(main())
