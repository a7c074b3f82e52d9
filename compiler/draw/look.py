"""How pictures look: the palette, the sizes, and each role's shape."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from .picture import Role

SizeName = Literal["slide", "handout"]
Theme = Literal["light", "dark"]
Direction = Literal["LR", "TB"]  # from left to right, from top to bottom
FONT = "Arial"


@dataclass(frozen=True, slots=True)
class Colour:
    """One colour in both themes, by what it is for."""

    name: str
    light: str
    dark: str

    def of(self, theme: Theme) -> str:
        return self.dark if theme == "dark" else self.light


INK = Colour("ink", "#1B1F24", "#F0F3F6")
MUTED = Colour("muted", "#57606A", "#A3ADB8")
BACKGROUND = Colour("background", "#FFFFFF", "#14181D")
FORWARD = Colour("forward", "#0072B2", "#56B4E9")
FORWARD_FILL = Colour("forward-fill", "#E6F2FA", "#12303F")
BACKWARD = Colour("backward", "#C4500A", "#F0883E")
BACKWARD_FILL = Colour("backward-fill", "#FDEEE3", "#3B2213")
PARAMETER = Colour("parameter", "#00795A", "#3FC79A")
PARAMETER_FILL = Colour("parameter-fill", "#E1F4EC", "#123328")
DATA_FILL = Colour("data-fill", "#F2F4F6", "#232A32")
JOIN = Colour("join", "#9AA4AE", "#6E7984")
CLUSTER = Colour("cluster", "#C9D1D9", "#3D4650")
CLUSTER_FILL = Colour("cluster-fill", "#FAFBFC", "#191E24")
COLOURS = (
    INK, MUTED, BACKGROUND, FORWARD, FORWARD_FILL, BACKWARD, BACKWARD_FILL, PARAMETER, PARAMETER_FILL,
    DATA_FILL, JOIN, CLUSTER, CLUSTER_FILL,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Size:
    """Points for texts, inches for boxes, as Graphviz takes them."""

    node: int
    formula: int
    muted: int
    edge: int
    title: int
    facts: int
    height: float
    width: float
    ranks: float
    nodes: float
    line: float


SLIDE = Size(16, 14, 13, 14, 20, 15, 0.78, 1.25, 0.72, 0.32, 1.8)
DENSE = Size(14, 13, 12, 12, 17, 13, 0.5, 0.9, 0.5, 0.17, 1.5)  # for much on one slide
HANDOUT = Size(13, 12, 11, 11, 15, 12, 0.62, 0.95, 0.62, 0.24, 1.5)


@dataclass(frozen=True, slots=True)
class Shape:
    """A role's outline: shape and dashes tell it where colours do not."""

    shape: str
    style: str
    stroke: Colour
    fill: Colour


SHAPES: dict[Role, Shape] = {
    "forward": Shape("box", "filled,rounded", FORWARD, FORWARD_FILL),
    "backward": Shape("box", "filled,rounded,dashed", BACKWARD, BACKWARD_FILL),
    "parameter": Shape("box", "filled", PARAMETER, PARAMETER_FILL),
    "gradient": Shape("box", "filled,dashed", BACKWARD, PARAMETER_FILL),
    "data": Shape("ellipse", "filled", MUTED, DATA_FILL),
    "loss": Shape("circle", "filled", INK, INK),
    "link": Shape("plaintext", "filled", BACKGROUND, BACKGROUND),
    "card": Shape("box", "filled", FORWARD, FORWARD_FILL),
    "sample": Shape("box", "filled", MUTED, DATA_FILL),
    "result": Shape("box", "filled", INK, DATA_FILL),
    "seed": Shape("circle", "filled,dashed", BACKWARD, BACKWARD_FILL),
}
