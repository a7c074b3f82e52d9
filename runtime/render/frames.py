"""A page that plays a series of pictures: one file, which needs no network."""

from __future__ import annotations

import json
from collections.abc import Sequence
from html import escape

from ...compiler.draw.look import BACKGROUND, INK
from .svg import FONTS

_STYLE = f"""
html{{color-scheme:light dark;background:{BACKGROUND.light};color:{INK.light};font-family:{FONTS}}}
@media(prefers-color-scheme:dark){{html{{background:{BACKGROUND.dark};color:{INK.dark}}}}}
body{{margin:0;height:100vh;display:grid;grid-template-rows:1fr auto}}
main{{min-height:0;display:grid;place-items:center}}
svg{{width:100%;height:100%;max-height:100%}}
nav{{display:flex;gap:14px;align-items:center;padding:10px 24px 16px;font-size:18px}}
input{{flex:1}}
button{{font:inherit;padding:6px 14px;min-width:84px}}
output{{min-width:9em}}
"""
_SCRIPT = """
const main = document.querySelector("main"), slider = document.querySelector("input");
const button = document.querySelector("button"), output = document.querySelector("output");
let timer = null;
const show = k => {
  slider.value = Math.max(0, Math.min(k, frames.length - 1));
  main.innerHTML = frames[slider.value];
  output.textContent = notes[slider.value];
};
const stop = () => { clearInterval(timer); timer = null; button.textContent = "Play"; };
const play = () => {
  if (timer !== null) return stop();
  if (+slider.value === frames.length - 1) show(0);
  button.textContent = "Pause";
  timer = setInterval(() => +slider.value < frames.length - 1 ? show(+slider.value + 1) : stop(), 300);
};
slider.oninput = () => { stop(); show(+slider.value); };
button.onclick = play;
addEventListener("keydown", event => {
  const at = +slider.value, last = frames.length - 1;
  const to = {ArrowRight: at + 1, ArrowLeft: at - 1, Home: 0, End: last}[event.key];
  if (to !== undefined) { event.preventDefault(); stop(); show(to); }
  else if (event.key === " ") { event.preventDefault(); play(); }
});
show(0);
"""


def frames_page(svgs: Sequence[str], notes: Sequence[str], title: str) -> str:
    """The page, with a slider, a button and keys. notes: what stands beside the slider, for each picture."""
    data = f"const frames = {_json(list(svgs))}, notes = {_json(list(notes))};"
    head = f'<meta charset="utf-8"><title>{escape(title)}</title><style>{_STYLE}</style>'
    controls = f'<button>Play</button><input type="range" min="0" max="{len(svgs) - 1}" value="0" '
    controls += 'aria-label="moment of the training"><output></output>'
    body = f"<main></main><nav>{controls}</nav><script>{data}{_SCRIPT}</script>"
    return f'<!DOCTYPE html>\n<html lang="en"><head>{head}</head><body>{body}</body></html>\n'


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False).replace("</", "<\\/")
