"""Self-contained pages: a picture, or the text of one with what it takes to draw it in the browser."""

from __future__ import annotations

import json
from html import escape
from importlib.resources import files

from ...compiler.draw.look import BACKGROUND
from .svg import FONTS

_STYLE = f"""
html{{color-scheme:light dark;background:{BACKGROUND.light}}}
@media(prefers-color-scheme:dark){{html{{background:{BACKGROUND.dark}}}}}
body{{margin:0;min-height:100vh;display:grid;place-items:center;font-family:{FONTS}}}
svg{{max-width:100vw;max-height:100vh;width:auto;height:auto}}
"""


def page(svg: str, title: str) -> str:
    """A page that shows a picture as large as its window allows."""
    return _page(title, svg)


def browser_page(light: str, dark: str | None, title: str) -> str:
    """A page that draws DOT text itself, with viz.js, in the theme that is preferred."""
    script = files(str(__package__)).joinpath("vendor/viz-global.js").read_text(encoding="utf-8")
    texts = json.dumps([light, dark or light], ensure_ascii=False).replace("</", "<\\/")
    body = f"""<main></main><script>{script}</script><script>
const texts = {texts}, main = document.querySelector("main");
const dark = matchMedia("(prefers-color-scheme: dark)");
const draw = () => Viz.instance().then(viz => main.replaceChildren(
  viz.renderSVGElement(texts[dark.matches ? 1 : 0], {{engine: "nop2"}})));
dark.addEventListener("change", draw); draw();
</script>"""
    return _page(title, body)


def _page(title: str, body: str) -> str:
    head = f'<meta charset="utf-8"><title>{escape(title)}</title><style>{_STYLE}</style>'
    return f'<!DOCTYPE html>\n<html lang="en"><head>{head}</head><body>{body}</body></html>\n'
