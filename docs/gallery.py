"""Draws the gallery: every example in every view that suits it. `make gallery` runs it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from netc.compiler.draw import Options
from netc.locate import examples, find
from netc.runtime.opening import compile_source
from netc.runtime.render import Drawing

HERE = Path(__file__).parent
LEAST = 6.0  # points on a slide; below that a picture is for zooming, not for a page


@dataclass(frozen=True)
class Entry:
    """A picture by the name of its file, under a heading."""

    file: str
    spec: str
    caption: str
    options: Options


def entries() -> list[Entry]:
    found: list[Entry] = []
    for spec in examples():
        found.append(Entry(spec, spec, f"netc draw {spec}", Options()))
        found.append(Entry(f"{spec}-ops", spec, f"netc draw {spec} --view ops", Options("ops")))
    step = Options("ops", update=True)
    found.append(Entry("mlp-step", "mlp", "netc draw mlp --view ops --update", step))
    inner = Options(only="a.block1")
    found.append(Entry("residual-block", "residual", "netc draw residual --only a.block1", inner))
    attention = Options("ops", only="h.block1.z.selfattention1")
    caption = "netc draw chars --view ops --only h.block1.z.selfattention1"
    found.append(Entry("chars-attention", "chars", caption, attention))
    return found


def main() -> None:
    folder = HERE / "gallery"
    folder.mkdir(exist_ok=True)
    text = ["# Gallery", "", "Made by `make gallery`: do not edit.", ""]
    heading = ""
    for entry in sorted(entries(), key=lambda e: e.spec):
        spec = find(entry.spec)
        drawing = Drawing(compile_source(spec.source, spec.base).network, entry.options)
        if drawing.drawn.smallest < LEAST:
            continue
        drawing.save(folder / f"{entry.file}.svg")
        if entry.spec != heading:
            heading = entry.spec
            text += [f"## {heading}", ""]
        text += [f"    {entry.caption}", "", f"![{entry.caption}]({entry.file}.svg)", ""]
    (folder / "README.md").write_text("\n".join(text), encoding="utf-8")


if __name__ == "__main__":
    main()
