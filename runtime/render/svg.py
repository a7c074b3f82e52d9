"""What Graphviz writes as SVG, made fit for slides and pages: safe fonts, dark where its surroundings are."""

from __future__ import annotations

import re

from ...compiler.draw.look import COLOURS, FONT

FONTS = f"{FONT}, 'Liberation Sans', Helvetica, sans-serif"


def adapted(svg: str, follow: bool) -> str:
    """The SVG alone, without the XML prologue. follow: it takes the dark palette where that is preferred.

    The light colours stay in the attributes, for programs that know no style sheets; the sheet gives each a
    variable, which is set anew in the dark.
    """
    svg = svg[svg.index("<svg") :]
    svg = svg.replace(f' font-family="{FONT}"', "")  # of each text; the whole has it once
    svg = re.sub(r"<!--.*?-->\n|<title>.*?</title>\n?", "", svg)  # node names, which a mouse would show
    svg = re.sub(r'<g id="[^"]*" class="node[^"]*">.*?</g>', lambda m: _centred(m[0]), svg, flags=re.DOTALL)
    svg = svg.replace("<svg ", f'<svg class="netc" font-family="{FONTS}" ', 1)
    if not follow:
        return svg
    opening = svg.index(">") + 1
    return f"{svg[:opening]}\n<style>{_sheet()}</style>{svg[opening:]}"


def _centred(node: str) -> str:
    """A box with its lines held in the middle, where they stay in a font of another width."""
    outline = re.search(r'<(?:polygon|path|ellipse)[^>]*?(?:points|d|cx)="([^"]*)"', node)
    lines = re.findall(r'<text [^>]*?y="([^"]*)"', node)
    if outline is None or len(set(lines)) < len(lines):
        return node
    across = [float(x) for x in re.findall(r"(-?[\d.]+),", outline[1]) or [outline[1]]]
    middle = f'text-anchor="middle" x="{(min(across) + max(across)) / 2:.2f}"'
    return re.sub(r'text-anchor="start" x="[^"]*"', middle, node)


def _sheet() -> str:
    light = "".join(f"--{c.name}:{c.light};" for c in COLOURS)
    dark = "".join(f"--{c.name}:{c.dark};" for c in COLOURS)
    rules = "".join(
        f'.netc [{kind}="{c.light}" i]{{{kind}:var(--{c.name})}}'
        for c in COLOURS
        for kind in ("fill", "stroke")
    )
    return f".netc{{{light}}}@media(prefers-color-scheme:dark){{.netc{{{dark}}}}}{rules}"
