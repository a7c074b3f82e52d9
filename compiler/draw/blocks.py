"""How large the grids and bitmaps in boxes are, and their HTML-like text for Graphviz."""

from __future__ import annotations

from collections.abc import Sequence
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


def cell(text: str, width: float = 0, height: float = 0, attributes: str = "") -> str:
    """A cell of an HTML-like table, of exactly this size if one is given."""
    fixed = f' FIXEDSIZE="TRUE" WIDTH="{width:.0f}" HEIGHT="{height:.0f}"' if height else ""
    return f"<TD{fixed}{attributes}>{text}</TD>"


def table(rows: Sequence[str], width: float = 0, height: float = 0) -> str:
    """An HTML-like table of rows of cells. With a size it does not grow with the cell that it stands in."""
    fixed = f' FIXEDSIZE="TRUE" WIDTH="{width:.0f}" HEIGHT="{height:.0f}"' if height else ""
    inside = "".join(f"<TR>{row}</TR>" for row in rows)
    return f'<TABLE BORDER="0" CELLBORDER="0" CELLSPACING="0" CELLPADDING="0"{fixed}>{inside}</TABLE>'


def block_table(block: Block, size: Size, theme: Theme) -> str:
    """A block with its caption as an HTML-like table."""
    width, height = block_size(block, size)
    rows = [cell("", width, _ABOVE)]
    if block.caption:
        text = f'<FONT POINT-SIZE="{size.muted}" COLOR="{MUTED.of(theme)}">{escape(block.caption)}</FONT>'
        rows.append(cell(text, width, line_height(size.muted)))
    inside = _image(block) if isinstance(block, Art) else _grid(block, size, theme)
    return table([*rows, cell(inside)], width, height)


def _image(art: Art) -> str:
    image = f'<IMG SCALE="BOTH" SRC="{escape(art.name)}"/>'
    return table([cell(image, art.width, art.height)], art.width, art.height)


def _grid(grid: Grid, size: Size, theme: Theme) -> str:
    font = f'<FONT POINT-SIZE="{size.muted}" COLOR="{INK.of(theme)}">'
    widths = [width + (_CELL if i else 0) for i, width in enumerate(_columns(grid, size))]
    height = line_height(size.muted)
    rows = [
        "".join(
            cell(f"{font}{escape(text) or ' '}</FONT>", width, height, ' ALIGN="RIGHT"')
            for text, width in zip(row, widths, strict=True)
        )
        for row in grid.rows
    ]
    return table(rows, sum(widths), height * len(rows))


def _columns(grid: Grid, size: Size) -> list[float]:
    """How wide each column of a grid is."""
    return [
        max(text_width(text, size.muted) + 2 for text in column) for column in zip(*grid.rows, strict=True)
    ]
