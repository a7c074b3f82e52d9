"""Self-contained pages: a picture, or the text of one with what it takes to draw it in the browser."""

from __future__ import annotations

import json
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


def page(svg: str, title: str) -> str:
    """A page that shows a picture as large as its window allows."""
    return _page(title, svg)


def browser_page(light: str, dark: str | None, title: str) -> str:
    """A page that draws DOT text itself, in the theme that is preferred."""
    return _page(title, f"<main></main>{browser_script(light, dark)}")


def browser_script(light: str, dark: str | None) -> str:
    """What draws DOT text into the page's `main`, with viz.js, and tells it by the event `drawn`."""
    script = files(str(__package__)).joinpath("vendor/viz-global.js").read_text(encoding="utf-8")
    texts = json.dumps([light, dark or light], ensure_ascii=False).replace("</", "<\\/")
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
  const svg = viz.renderSVGElement(texts[dark.matches ? 1 : 0], {{engine: "nop2"}});
  main.replaceChildren(svg);
  centre(svg);
  place(svg);
  dispatchEvent(new Event("drawn"));
}};
dark.addEventListener("change", draw);
draw();
</script>"""


def _page(title: str, body: str) -> str:
    head = f'<meta charset="utf-8"><title>{escape(title)}</title><style>{_STYLE}</style>'
    return f'<!DOCTYPE html>\n<html lang="en"><head>{head}</head><body>{body}</body></html>\n'
