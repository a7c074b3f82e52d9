"""How large the grids and bitmaps in boxes are, and their HTML-like text for Graphviz."""

from __future__ import annotations

from html import escape

from .look import INK, MUTED, Size, Theme
from .metrics import line_height, text_width
from .picture import Art, Block, Grid

_CELL = 8.0  # between two columns of a grid
_ABOVE = 5.0  # between a block and what stands above it


def block_size(block: Block, size: Size) -> tuple[float, float]:
    """The width and height that a block takes, with its caption."""
    caption = text_width(block.caption, size.muted) if block.caption else 0.0
    height = _ABOVE + (line_height(size.muted) if block.caption else 0.0)
    if isinstance(block, Art):
        return max(caption, block.width), height + block.height
    widths = _columns(block, size)
    across = sum(widths) + _CELL * (len(widths) - 1)
    return max(caption, across), height + len(block.rows) * line_height(size.muted)


def block_rows(block: Block, size: Size, theme: Theme) -> list[str]:
    """The cells of an HTML-like table, one a row, that show a block."""
    muted, ink = MUTED.of(theme), INK.of(theme)
    found = [f'<TD HEIGHT="{_ABOVE:g}" FIXEDSIZE="TRUE" WIDTH="1"></TD>']
    if block.caption:
        found.append(
            f'<TD><FONT POINT-SIZE="{size.muted}" COLOR="{muted}">{escape(block.caption)}</FONT></TD>'
        )
    if isinstance(block, Art):
        shape = f'FIXEDSIZE="TRUE" WIDTH="{block.width:g}" HEIGHT="{block.height:g}"'
        return [*found, f'<TD {shape}><IMG SCALE="BOTH" SRC="{escape(block.name)}"/></TD>']
    widths, height = _columns(block, size), line_height(size.muted)
    rows: list[str] = []
    for row in block.rows:
        cells = "".join(
            f'<TD ALIGN="RIGHT" FIXEDSIZE="TRUE" WIDTH="{width + (_CELL if i else 0):.0f}" HEIGHT="{height:.0f}">'
            f'<FONT POINT-SIZE="{size.muted}" COLOR="{ink}">{escape(text)}</FONT></TD>'
            for i, (text, width) in enumerate(zip(row, widths, strict=True))
        )
        rows.append(f"<TR>{cells}</TR>")
    table = '<TABLE BORDER="0" CELLBORDER="0" CELLSPACING="0" CELLPADDING="0">'
    return [*found, f"<TD>{table}{''.join(rows)}</TABLE></TD>"]


def _columns(grid: Grid, size: Size) -> list[float]:
    """How wide each column of a grid is."""
    return [max(text_width(text, size.muted) + 2 for text in column) for column in zip(*grid.rows, strict=True)]
