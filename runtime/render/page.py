"""Self-contained pages: a picture, or the text of one with what it takes to draw it in the browser."""

from __future__ import annotations

import json
from collections.abc import Sequence
from html import escape
from importlib.resources import files

from ...compiler.draw.layout import MARGIN
from ...compiler.draw.look import BACKGROUND
from .svg import FONTS

_STYLE = f"""
html{{color-scheme:light dark;background:{BACKGROUND.light}}}
@media(prefers-color-scheme:dark){{html{{background:{BACKGROUND.dark}}}}}
body{{margin:0;min-height:100vh;display:grid;place-items:center;font-family:{FONTS}}}
svg{{max-width:100vw;max-height:100vh;width:auto;height:auto}}
"""
# Several pictures: one in the window at a time, the next by scrolling or by the keys for it.
_SEVERAL = """
html{scroll-snap-type:y mandatory}
body,main{display:block}
svg{display:block;height:100vh;width:100vw;scroll-snap-align:start}
"""


def page(svgs: Sequence[str], title: str) -> str:
    """A page that shows a picture, or each of several, as large as its window allows."""
    return _page(title, "".join(svgs), len(svgs))


def browser_page(script: str, title: str, pages: int) -> str:
    """A page that draws itself by a script of `browser_script`."""
    return _page(title, f"<main></main>{script}", pages)


def browser_script(light: Sequence[str], dark: Sequence[str]) -> str:
    """What draws DOT texts into the page's `main`, with viz.js, and tells it by the event `drawn`.

    dark: the same pictures for where dark is preferred.
    """
    script = files(str(__package__)).joinpath("vendor/viz-global.js").read_text(encoding="utf-8")
    texts = json.dumps([list(light), list(dark)], ensure_ascii=False).replace("</", "<\\/")
    return f"""<script>{script}</script><script>
const texts = {texts}, main = document.querySelector("main");
const dark = matchMedia("(prefers-color-scheme: dark)");
// Here Graphviz knows no font: it has the places of the lines right, but not how wide they are.
const centre = svg => svg.querySelectorAll("g.node").forEach(node => {{
  const outline = node.querySelector("polygon,path,ellipse"), lines = [...node.querySelectorAll("text")];
  if (!outline || new Set(lines.map(line => line.getAttribute("y"))).size < lines.length) return;
  const box = outline.getBBox();
  for (const line of lines) {{
    line.setAttribute("text-anchor", "middle");
    line.setAttribute("x", box.x + box.width / 2);
  }}
}});
const place = svg => {{
  let end = {MARGIN}, line = null;
  svg.querySelectorAll("g.node:has(> title)").forEach(node => {{
    if (node.querySelector("title").textContent !== "title") return;
    for (const part of node.querySelectorAll("text")) {{
      if (line !== part.getAttribute("y")) [end, line] = [{MARGIN}, part.getAttribute("y")];
      part.setAttribute("x", end);
      end += part.getComputedTextLength() + 8;
    }}
  }});
}};
const draw = async () => {{
  const viz = await Viz.instance();
  const pages = texts[dark.matches ? 1 : 0].map(text => viz.renderSVGElement(text, {{engine: "nop2"}}));
  main.replaceChildren(...pages);
  pages.forEach(centre);
  pages.forEach(place);
  dispatchEvent(new Event("drawn"));
}};
dark.addEventListener("change", draw);
draw();
</script>"""


def _page(title: str, body: str, pages: int) -> str:
    style = _STYLE + (_SEVERAL if pages > 1 else "")
    head = f'<meta charset="utf-8"><title>{escape(title)}</title><style>{style}</style>'
    return f'<!DOCTYPE html>\n<html lang="en"><head>{head}</head><body>{body}</body></html>\n'
