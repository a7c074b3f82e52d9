"""Breaking a formula into the lines of a box."""

from __future__ import annotations

# Where a line may end, best first; the sign goes to the next line.
_BREAKS = (" where ", ", else ", " + ", " − ", " · ", " / ", ", ", " ")


_SIGNS = 60  # that a formula may have at least, in however many lines


def lines_of(width: int) -> int:
    """How many lines of so many signs a formula may have."""
    return max(2, _SIGNS // width)


def broken(text: str, width: int, most: int | None = None) -> tuple[str, ...] | None:
    """The text in at most so many lines of at most so many signs, None where it does not fit."""
    most = lines_of(width) if most is None else most
    if len(text) <= width:
        return (text,)
    if most == 1 or len(text) > width * most + most:  # a space is lost at each break
        return None
    for nested in (0, 1, 2):
        for sign in _BREAKS:
            places = [p for p in _places(text, sign, nested) if p <= width]
            for place in sorted(places, key=lambda p: abs(p - len(text) / 2)):
                rest = broken(text[place:].strip(), width, most - 1)
                if rest is not None:
                    return (text[:place].rstrip(), *rest)
    return None


def _places(text: str, sign: str, nested: int) -> list[int]:
    """Where a sign stands in at most so many brackets, but not as the equation's own."""
    found: list[int] = []
    depth = 0
    start = text.find(" = ") + 3
    for i, letter in enumerate(text):
        depth += (letter in "([") - (letter in ")]")
        if depth <= nested and i > start and text.startswith(sign, i):
            found.append(i + 1 if sign.startswith(",") else i)
    return found
