"""The page that goes through the seven steps of training: one file, which needs no network."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from html import escape
from importlib.resources import files
from string import Template

from ...compiler.draw.look import BACKGROUND, COLOURS, FORWARD, INK, MUTED
from ...compiler.draw.steps import Step
from .svg import FONTS

_LIGHT = "".join(f"--{c.name}:{c.light};" for c in COLOURS)
_DARK = "".join(f"--{c.name}:{c.dark};" for c in COLOURS)
_STYLE = f"""
:root{{{_LIGHT}color-scheme:light}}
{{dark}}
html{{background:var(--{BACKGROUND.name});color:var(--{INK.name});font-family:{FONTS}}}
body{{margin:0;height:100vh;height:100dvh;display:grid;grid-template-rows:auto 1fr auto}}
header{{box-sizing:border-box;padding:14px 28px 0;display:grid;grid-template-columns:250px 1fr;gap:24px}}
h1{{margin:0;font-size:28px;line-height:1.15}}
p{{margin:0 0 3px;font-size:18px;line-height:1.25;color:var(--{MUTED.name})}}
main{{min-height:0;display:grid;place-items:center;touch-action:pan-y}}
svg{{width:100%;height:100%;max-height:100%}}
svg.away{{display:none}}
g.node,g.edge{{transition:opacity .25s}}
.still g.node,.still g.edge{{transition:none}}
.dim{{opacity:.13}}
nav{{display:flex;justify-content:center;gap:8px;padding:8px 16px 12px}}
ol{{display:flex;flex-wrap:wrap;justify-content:center;gap:8px;margin:0;padding:0;list-style:none}}
button{{font:inherit;font-size:16px;padding:8px 12px;color:inherit;background:none;cursor:pointer;
border:1.5px solid var(--{MUTED.name});border-radius:8px}}
button[aria-current]{{background:var(--{FORWARD.name});border-color:var(--{FORWARD.name});color:var(--{BACKGROUND.name})}}
button:disabled{{opacity:.35;cursor:default}}
@media(max-width:700px){{
header{{grid-template-columns:1fr;gap:6px}}h1{{font-size:22px}}p{{font-size:16px}}
li button{{font-size:13px;padding:6px 8px}}
}}
@media(prefers-reduced-motion:reduce){{g.node,g.edge{{transition:none}}}}
"""
_HINT = "Arrow keys, space, the buttons or a swipe go through the seven steps."


def steps_page(steps: Sequence[Step], picture: str, title: str, theme: str, start: str = "begin();") -> str:
    """The page. picture: the mirror as SVG, or a script that draws it; start: what begins it."""
    template = Template(files(str(__package__)).joinpath("steps.html").read_text(encoding="utf-8"))
    body = template.substitute(
        picture=picture,
        steps=_json([asdict(step) for step in steps]),
        title=_json(f"net {title}: seven steps of training"),
        hint=_json(_HINT),
        start=start,
    )
    dark = f":root{{{_DARK}color-scheme:dark}}"
    style = _STYLE.replace(
        "{dark}", {"auto": f"@media(prefers-color-scheme:dark){{{dark}}}", "dark": dark}.get(theme, "")
    )
    head = '<meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">'
    head += f"<title>{escape(title)}: seven steps</title><style>{style}</style>"
    return f'<!DOCTYPE html>\n<html lang="en"><head>{head}</head><body>{body}</body></html>\n'


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False).replace("</", "<\\/")
