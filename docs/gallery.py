"""Draws the gallery: every example in every view that suits it. `make gallery` runs it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from netc.compiler.draw import DrawError, Options, View
from netc.locate import examples, find
from netc.runtime.device import open_device
from netc.runtime.model import Model
from netc.runtime.opening import open_model
from netc.runtime.render.values import first
from netc.runtime.render.views import Given, show

HERE = Path(__file__).parent


@dataclass(frozen=True)
class Entry:
    """A picture by the name of its file, under a heading."""

    file: str
    spec: str
    caption: str
    options: Options


# Of these, every operation would take many pages: one layer is shown instead.
LAYERS = {"chars": "h.block1.z.selfattention1", "residual": "a.block1.z.conv1"}


def entries() -> list[Entry]:
    found: list[Entry] = []
    for spec in examples():
        found.append(Entry(spec, spec, f"netc draw {spec}", Options()))
        views: tuple[View, ...] = ("ops", "cards", "neurons", "numbers", "geometry", "steps")
        for view in views:
            only = LAYERS.get(spec, "") if view in ("ops", "numbers") else ""
            caption = f"netc draw {spec} --view {view}" + (f" --only {only}" if only else "")
            found.append(Entry(f"{spec}-{view}", spec, caption, Options(view, only=only)))
    for file, spec, given, options in (
        ("mlp-step", "mlp", "--view ops --update", Options("ops", update=True)),
        ("mlp-down", "mlp", "--direction TB", Options(direction="TB")),
        ("residual-block", "residual", "--only a.block1", Options(only="a.block1")),
        ("residual-down", "residual", "--direction TB --depth 2", Options(direction="TB", depth=2)),
        ("chars-block", "chars", "--only h.block1", Options(only="h.block1")),
    ):
        found.append(Entry(file, spec, f"netc draw {spec} {given}", options))
    return found


def opened(name: str) -> Model:
    spec = find(name)
    return open_model(spec.source, spec.base, device=open_device("cpu")[0])


def given(model: Model, options: Options) -> Given:
    """A sample to look at, where the data are there."""
    samples = first(model, 1) if options.view == "cards" else None
    return Given(samples if samples is not None and not samples.is_random else None)


def main() -> None:
    folder = HERE / "gallery"
    folder.mkdir(exist_ok=True)
    for old in folder.iterdir():
        old.unlink()
    text = ["# Gallery", "", "Made by `make gallery`: do not edit.", ""]
    heading = ""
    models: dict[str, Model] = {}
    for entry in sorted(entries(), key=lambda e: e.spec):
        model = models.setdefault(entry.spec, opened(entry.spec))
        suffix = "html" if entry.options.view == "steps" else "svg"
        try:
            drawing = show(model, entry.options, given=given(model, entry.options))
        except DrawError:  # the view does not suit the network
            continue
        files = [path.name for path in drawing.save(folder / f"{entry.file}.{suffix}")]
        if entry.spec != heading:
            heading = entry.spec
            text += [f"## {heading}", ""]
        image = "" if suffix == "html" else "!"
        text += [f"    {entry.caption}", "", *(f"{image}[{entry.caption}]({file})" for file in files), ""]
    (folder / "README.md").write_text("\n".join(text), encoding="utf-8")


if __name__ == "__main__":
    main()
