"""The pages' HTML and how it looks: light or dark as the reader prefers, on a desk or a phone."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

STYLE = """
:root { color-scheme: light dark; --paper: #ffffff; --card: #f6f7f9; --ink: #1c2330; --soft: #5b6577;
  --line: #d9dee6; --good: #18794e; --bad: #c62a2f; --heat: 30 100 190;
  --series0: #1f6fd6; --series1: #d9730d; --series2: #148a63; --series3: #b13c9b; --series4: #7a5af0;
  --series5: #a0791a; --series6: #0f8aa5; --series7: #8a4b38; }
@media (prefers-color-scheme: dark) { :root { --paper: #14181d; --card: #1b2029; --ink: #e6eaf1;
  --soft: #9aa5b8; --line: #343c4a; --good: #4cc38a; --bad: #ff7b7b; --heat: 90 160 255;
  --series0: #6aa9ff; --series1: #ffa657; --series2: #4cc38a; --series3: #e58ad0; --series4: #b4a0ff;
  --series5: #e0b84c; --series6: #4fc3dc; --series7: #d69a86; } }
* { box-sizing: border-box }
body { margin: 0; background: var(--paper); color: var(--ink);
  font: 16px/1.5 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif }
main { max-width: 1120px; margin: 0 auto; padding: 24px 16px 64px }
h1 { font-size: 1.7rem; line-height: 1.2; margin: 0 0 4px }
h2 { font-size: 1.15rem; margin: 40px 0 4px }
h1, p, td { overflow-wrap: anywhere }
p { margin: 4px 0 12px; max-width: 72ch }
.soft, figcaption, caption { color: var(--soft) }
.figures { display: flex; flex-wrap: wrap; gap: 8px; margin: 16px 0 }
.figures div { background: var(--card); border-radius: 8px; padding: 8px 14px }
.figures b { display: block; font-size: 1.3rem; font-variant-numeric: tabular-nums }
.figures span { color: var(--soft); font-size: .85rem }
.plots { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(100%, 320px), 1fr)); gap: 16px }
.plots svg, .diagram svg { width: 100%; height: auto; max-height: 420px; display: block }
.diagram svg { max-height: none; min-width: calc(var(--width) * .5) }
.wide { overflow-x: auto; -webkit-overflow-scrolling: touch }
.samples { display: grid; grid-template-columns: repeat(8, 1fr); gap: 12px 8px }
.samples figure { margin: 0; font-size: .8rem; line-height: 1.3; overflow-wrap: anywhere }
.samples img { width: 100%; aspect-ratio: 1; object-fit: contain; image-rendering: pixelated;
  border-radius: 4px; background: var(--card) }
@media (max-width: 800px) { .samples { grid-template-columns: repeat(6, 1fr) } }
@media (max-width: 640px) { .samples { grid-template-columns: repeat(3, 1fr) } }
.samples.filters { grid-template-columns: repeat(auto-fill, minmax(48px, 1fr)); gap: 6px }
.right { color: var(--good) } .wrong { color: var(--bad) }
table { border-collapse: collapse; font-variant-numeric: tabular-nums; font-size: .85rem }
th, td { padding: 4px 8px; text-align: right; white-space: nowrap }
th { font-weight: 600 } thead th { border-bottom: 1px solid var(--line) }
td:first-child, th:first-child, .facts td { text-align: left }
.confusion th, .confusion td { padding: 3px 6px; text-align: center }
.confusion th[scope=row] { text-align: right }
.confusion .slant { vertical-align: bottom; padding: 0 2px }
.confusion .slant span { writing-mode: vertical-rl; transform: rotate(180deg); display: inline-block }
.confusion td { min-width: 34px; background: rgb(var(--heat) / calc(var(--share) * .75)) }
.confusion td.hit { outline: 1px solid var(--line); outline-offset: -1px; font-weight: 600 }
@media (max-width: 480px) {
  .confusion { font-size: .66rem }
  .confusion th, .confusion td { padding: 2px }
  .confusion td { min-width: 24px }
  th { white-space: normal } .confusion th { white-space: nowrap } }
pre { background: var(--card); border-radius: 8px; padding: 12px 14px; overflow-x: auto; margin: 8px 0;
  font: 13px/1.5 ui-monospace, SFMono-Regular, Menlo, Consolas, monospace }
a { color: var(--series0) }
"""


def page(title: str, under: str, sections: Iterable[str]) -> bytes:
    """A whole page. under: the line below the title, as HTML."""
    text = (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{STYLE}</style></head>\n<body><main>\n"
        f'<h1>{escape(title)}</h1>\n<p class="soft">{under}</p>\n'
        + "\n".join(section for section in sections if section)
        + "\n</main></body></html>\n"
    )
    return text.encode(errors="backslashreplace")  # the name of a folder need not be text


def section(title: str, *parts: str, about: str = "") -> str:
    """A part of a page under a heading; nothing where there is nothing in it."""
    inner = "\n".join(part for part in parts if part)
    said = f'<p class="soft">{escape(about)}</p>\n' if about else ""
    return f"<section><h2>{escape(title)}</h2>\n{said}{inner}</section>" if inner else ""


def figures(values: Iterable[tuple[str, str]]) -> str:
    """Numbers that are to be seen first, each with what it is."""
    cells = "".join(f"<div><b>{escape(value)}</b><span>{escape(name)}</span></div>" for name, value in values)
    return f'<div class="figures">{cells}</div>'


def plots(svgs: Sequence[str]) -> str:
    return f'<div class="plots">{"".join(f"<div>{svg}</div>" for svg in svgs)}</div>' if svgs else ""


def samples(pictures: Iterable[tuple[str, str]], extra: str = "") -> str:
    """Pictures with captions. pictures: pairs of an address and a caption in HTML."""
    given = [
        f'<figure><img src="{address}" alt="" loading="lazy"><figcaption>{caption}</figcaption></figure>'
        for address, caption in pictures
    ]
    return f'<div class="samples {extra}">{"".join(given)}</div>' if given else ""


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table of texts, which may be HTML; columns from the second on stand to the right."""
    heading = "".join(f'<th scope="col">{cell}</th>' for cell in head)
    body = "".join("<tr>" + "".join(f"<td>{cell}</td>" for cell in row) + "</tr>" for row in rows)
    return f'<div class="wide"><table><thead><tr>{heading}</tr></thead><tbody>{body}</tbody></table></div>'


def facts(rows: Iterable[tuple[str, str]]) -> str:
    """A table of names and what they are, which may be HTML."""
    body = "".join(f"<tr><td>{name}</td><td>{value}</td></tr>" for name, value in rows)
    return f'<div class="wide"><table class="facts"><tbody>{body}</tbody></table></div>'


def confusion(counts: Sequence[Sequence[int]], classes: Sequence[str]) -> str:
    """How often a class (row) was taken for another (column), shaded by its share of the row."""
    names = [escape(name) for name in classes]
    head = "".join(f'<th scope="col" class="slant"><span>{name}</span></th>' for name in names)
    rows: list[str] = []
    for i, row in enumerate(counts):
        total = max(sum(row), 1)
        cells = "".join(
            f'<td{" class=hit" if i == k else ""} style="--share:{count / total:.3f}">{count or ""}</td>'
            for k, count in enumerate(row)
        )
        rows.append(f'<tr><th scope="row">{names[i]}</th>{cells}</tr>')
    return (
        f'<div class="wide"><table class="confusion"><thead><tr><td></td>{head}</tr></thead>'
        f"<tbody>{''.join(rows)}</tbody></table></div>"
    )


def text(content: str) -> str:
    return f"<pre>{escape(content)}</pre>"
