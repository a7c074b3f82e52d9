"""How wide a text is in Arial, so that boxes fit it wherever they are drawn.

The widths are Liberation Sans's, which are Arial's, in thousandths of the size. Signs that it lacks come from
another font, differently on each machine; theirs are the widest that were met.
"""

from __future__ import annotations

_GROUPS = {
    191: "'",
    222: "ijl’",
    260: "|",
    278: " !,./:;I[\\]ft·\u00a0\u202f",
    334: "()-`r²³{}",
    355: '"',
    389: "*",
    400: "ᵀₜ₋₀₁₂₃₄₅₆₇₈₉",
    469: "^",
    500: "Jcksvxyzγλε∂",
    556: "#$0123456789?L_abdeghnopquηθδρβμα√≤≥≠⌊⌋⌈⌉",
    617: "+<=>~×−FTZσΣ",
    700: "&ABEKPSVXYφπ∞ψ",
    778: "CDHNRUwGOQω∇∗⋆",
    889: "Mm%",
    1000: "W…→@⋮",
}
_WIDTHS = {letter: width for width, letters in _GROUPS.items() for letter in letters}
_OTHER = 700
_BOLD = 1.08


def text_width(text: str, points: float, bold: bool = False) -> float:
    """The width in points."""
    width = sum(_WIDTHS.get(letter, _OTHER) for letter in text) * points / 1000
    return width * _BOLD if bold else width


def line_height(points: float) -> float:
    return points * 1.2
