"""netc check"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..compiler.diagnostics import Diagnostic, SpecError
from ..compiler.network import Network
from ..compiler.summary import Row, Summary, summarise
from ..console import paint, plain, report, result, sentence
from ..figures import amount, memory
from ..locate import Spec, find
from ..runtime.data.errors import DataError
from ..runtime.data.sources import open_source
from ..runtime.opening import compile_source, located
from . import arguments

if TYPE_CHECKING:
    from ..runtime.gradcheck import Compared


@dataclass(frozen=True, slots=True)
class Checked:
    """What became of one spec. warnings alone leave a summary."""

    spec: str
    diagnostics: tuple[Diagnostic, ...]
    summary: Summary | None = None
    gradients: tuple[Compared, ...] = ()

    @property
    def is_wrong(self) -> bool:
        return self.summary is None


@click.command()
@click.argument("specs", metavar="SPEC…", nargs=-1, required=True)
@click.option("--gradients", is_flag=True, help="Compare the gradients with differences of the loss.")
@arguments.strict
@arguments.as_json
def command(specs: tuple[str, ...], gradients: bool, strict: bool, as_json: bool) -> int:
    """Errors, or shapes, parameters, memory and cost.

    The status is 1 if one of the specs is wrong.
    """
    checked = [_check(spec, gradients) for spec in specs]
    if as_json:
        result(json.dumps([_plain(c) for c in checked], ensure_ascii=False, indent=2))
    else:
        for i, c in enumerate(checked):
            if i:
                result("")
            report(c.diagnostics)
            if c.summary is not None:
                _show(c.spec, c.summary)
            if c.gradients:
                result("")
                _show_gradients(c.gradients)
    wrong = [c.is_wrong or not all(g.agrees for g in c.gradients) for c in checked]
    return int(any(wrong) or (strict and any(c.diagnostics for c in checked)))


def check(spec: Spec) -> Checked:
    """Compile a spec for what can be told about it."""
    try:
        compiled = compile_source(spec.source, spec.base)
        warnings = (*compiled.network.warnings, *_missing_data(compiled.network, spec.base))
        return Checked(spec.source.name, warnings, summarise(compiled))
    except SpecError as error:
        return Checked(spec.source.name, error.diagnostics)


def _check(spec: str, gradients: bool) -> Checked:
    try:
        found = find(spec)
        checked = replace(check(found), spec=spec)
        if gradients and not checked.is_wrong:
            from ..runtime.gradcheck import compare

            exact = compile_source(found.source, found.base, precision="float64")
            if not exact.network.training.of_kind("loss"):
                title = f"{spec} has no loss whose gradients could be checked"
                raise SpecError(
                    Diagnostic("loss", title, None, "", (), "write, for example: loss mse(guess, y)")
                )
            checked = replace(checked, gradients=compare(exact))
        return checked
    except SpecError as error:
        return Checked(spec, error.diagnostics)


def _missing_data(network: Network, base: Path) -> tuple[Diagnostic, ...]:
    """A warning where the data are not there. Raises SpecError where they are, and are wrong."""
    spec = network.data
    if spec is None or network.training_data.results:
        return ()
    try:
        open_source(spec.source, spec.positional, spec.keywords, base, spec.length).describe()
    except DataError as error:
        if error.path is None or Path(error.path).exists():
            raise located(error, spec) from None
        label = "so the data block's formulas are not checked"
        return (Diagnostic("data", str(error), spec.span, label, (), error.help or "", severity="warning"),)
    return ()


def _show(spec: str, summary: Summary) -> None:
    rows = [_cells(row) for row in summary.rows]
    total = ("total", "", "", amount(summary.parameters), amount(summary.multiply_adds))
    heading = ("name", "made by", "shape", "parameters", "multiply-adds")
    widths = [max(len(r[i]) for r in (heading, *rows, total)) for i in range(5)]
    result(paint(_line(heading, widths), "heading"))
    for row in rows:
        result(_line(row, widths))
    result(paint(_line(total, widths), "heading"))
    samples = f"{summary.batch} sample{'s' if summary.batch > 1 else ''}"
    kept = f"parameters and states {memory(summary.kept_bytes)}"
    sentence(f"{spec}: a step on {samples} works in {memory(summary.step_bytes)}; {kept}")


def _show_gradients(gradients: Sequence[Compared]) -> None:
    rows = [
        (
            g.parameter,
            f"{g.places} of {amount(g.elements)}",
            f"{g.error:.1e}",
            "agrees" if g.agrees else "differs",
        )
        for g in gradients
    ]
    heading = ("gradient of", "places", "relative error", "")
    widths = [max(len(r[i]) for r in (heading, *rows)) for i in range(4)]
    for i, row in enumerate((heading, *rows)):
        line = "   ".join(f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)).rstrip()
        result(paint(line, "heading" if i == 0 else "good" if gradients[i - 1].agrees else "error"))


def _line(cells: tuple[str, ...], widths: list[int]) -> str:
    """Texts to the left, numbers to the right."""
    texts = [f"{cell:<{width}}" for cell, width in zip(cells[:3], widths[:3], strict=True)]
    numbers = [f"{cell:>{width}}" for cell, width in zip(cells[3:], widths[3:], strict=True)]
    return "   ".join((*texts, *numbers)).rstrip()


def _cells(row: Row) -> tuple[str, ...]:
    what = f"{row.count} × {row.what}" if row.count > 1 else row.what
    shape = f"[{', '.join(map(str, row.shape))}]"
    numbers = (amount(n) if n else "" for n in (row.parameters, row.multiply_adds))
    name = f"{row.name} …" if row.count > 1 else row.name
    return (name, what, shape, *numbers)


def _plain(checked: Checked) -> dict[str, Any]:
    summary = None
    if checked.summary is not None:
        summary = asdict(checked.summary)
        for row, given in zip(summary["rows"], checked.summary.rows, strict=True):
            row["shape"] = [d if isinstance(d, int) else str(d) for d in given.shape]
    diagnostics = [plain(d) for d in checked.diagnostics]
    found = {"spec": checked.spec, "ok": not checked.is_wrong, "diagnostics": diagnostics, "summary": summary}
    if checked.gradients:
        found["gradients"] = [{**asdict(g), "agrees": g.agrees} for g in checked.gradients]
    return found
