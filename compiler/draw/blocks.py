"""How large the grids and bitmaps in boxes are, and their HTML-like text for Graphviz."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from math import ceil

from .look import INK, MUTED, Size, Theme
from .metrics import line_height, text_width
from .picture import Art, Block, Grid

_CELL = 8  # between two columns of a grid
_APART = 12  # between two grids
_ABOVE = 5  # between a block and what stands above it


def block_size(block: Block, size: Size) -> tuple[float, float]:
    """The width and height that a block takes, with its caption."""
    caption = ceil(text_width(block.caption, size.muted)) if block.caption else 0
    height = _ABOVE + (_line(size) if block.caption else 0)
    if isinstance(block, Art):
        return max(caption, block.width), height + block.height
    widths = _columns(block, size)
    across = sum(widths) + _CELL * (len(widths) - 1)
    return max(caption, across), height + len(block.rows) * _line(size)


def blocks_size(blocks: Sequence[Block], size: Size) -> tuple[float, float]:
    """The width and height that the blocks of a box take together."""
    sizes = [_row_size(row, size) for row in _rows(blocks)]
    return max((w for w, _ in sizes), default=0.0), sum(h for _, h in sizes)


def block_rows(blocks: Sequence[Block], size: Size, theme: Theme) -> list[str]:
    """The blocks of a box as cells, one for each row of a table."""
    found: list[str] = []
    for row in _rows(blocks):
        if len(row) == 1:
            found.append(cell(_block_table(row[0], size, theme)))
            continue
        high = _row_size(row, size)[1]
        cells = [cell(_block_table(b, size, theme), block_size(b, size)[0] + _APART, high) for b in row]
        found.append(cell(table(["".join(cells)], *_row_size(row, size))))
    return found


def _rows(blocks: Sequence[Block]) -> list[list[Block]]:
    """Grids stand beside each other, bitmaps below each other."""
    grids: list[Block] = [b for b in blocks if isinstance(b, Grid)]
    return [*([grids] if grids else []), *([b] for b in blocks if isinstance(b, Art))]


def _row_size(row: Sequence[Block], size: Size) -> tuple[float, float]:
    sizes = [block_size(b, size) for b in row]
    apart = _APART if len(row) > 1 else 0.0
    return sum(w + apart for w, _ in sizes), max(h for _, h in sizes)


def cell(text: str, width: float = 0, height: float = 0, attributes: str = "") -> str:
    """A cell of an HTML-like table, of exactly this size if one is given."""
    fixed = f' FIXEDSIZE="TRUE" WIDTH="{width:.0f}" HEIGHT="{height:.0f}"' if height else ""
    return f"<TD{fixed}{attributes}>{text}</TD>"


def table(rows: Sequence[str], width: float = 0, height: float = 0) -> str:
    """An HTML-like table of rows of cells. With a size it does not grow with the cell that it stands in."""
    fixed = f' FIXEDSIZE="TRUE" WIDTH="{width:.0f}" HEIGHT="{height:.0f}"' if height else ""
    inside = "".join(f"<TR>{row}</TR>" for row in rows)
    return f'<TABLE BORDER="0" CELLBORDER="0" CELLSPACING="0" CELLPADDING="0"{fixed}>{inside}</TABLE>'


def _block_table(block: Block, size: Size, theme: Theme) -> str:
    """A block with its caption as an HTML-like table."""
    width, height = block_size(block, size)
    rows = [cell("", width, _ABOVE)]
    if block.caption:
        text = f'<FONT POINT-SIZE="{size.muted}" COLOR="{MUTED.of(theme)}">{escape(block.caption)}</FONT>'
        rows.append(cell(text, width, _line(size)))
    inside = _image(block) if isinstance(block, Art) else _grid(block, size, theme)
    return table([*rows, cell(inside)], width, height)


def _image(art: Art) -> str:
    image = f'<IMG SCALE="BOTH" SRC="{escape(art.name)}"/>'
    return table([cell(image, art.width, art.height)], art.width, art.height)


def _grid(grid: Grid, size: Size, theme: Theme) -> str:
    font = f'<FONT POINT-SIZE="{size.muted}" COLOR="{INK.of(theme)}">'
    widths = [width + (_CELL if i else 0) for i, width in enumerate(_columns(grid, size))]
    height = _line(size)
    rows = [
        "".join(
            cell(f"{font}{escape(text) or ' '}</FONT>", width, height, ' ALIGN="RIGHT"')
            for text, width in zip(row, widths, strict=True)
        )
        for row in grid.rows
    ]
    return table(rows, sum(widths), height * len(rows))


def _columns(grid: Grid, size: Size) -> list[int]:
    """How wide each column of a grid is."""
    columns = zip(*grid.rows, strict=True)
    return [max(ceil(text_width(text, size.muted)) + 2 for text in column) for column in columns]


def _line(size: Size) -> int:
    """The height of a line, in whole points, as Graphviz's tables count."""
    return ceil(line_height(size.muted))
