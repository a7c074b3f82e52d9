"""The sorts of arguments that data sources take."""

from typing import Any

from .source import Kind


def integer(least: int, most: int | None = None) -> Kind:
    def convert(value: Any) -> int:
        if isinstance(value, bool | str) or int(value) != value or value < least:
            raise ValueError
        if most is not None and value > most:
            raise ValueError
        return int(value)

    limits = f"of at least {least}" if most is None else f"from {least} to {most}"
    return Kind(f"an integer {limits}", convert)


def _number(value: Any) -> float:
    if isinstance(value, bool | str) or not 0 <= value < float("inf"):
        raise ValueError
    return float(value)


def _fraction(value: Any) -> float:
    if _number(value) >= 1:
        raise ValueError
    return float(value)


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError
    return value


def _delimiter(value: Any) -> str:
    value = {"tab": "\t", "\\t": "\t"}.get(value, value)
    if not isinstance(value, str) or len(value) != 1 or value in '"\r\n':
        raise ValueError
    return value


def _flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise ValueError
    return value


def _test(value: Any) -> float | str:
    return _text(value) if isinstance(value, str) else _fraction(value)


def _names(value: Any) -> list[str]:
    return [_text(name) for name in ([value] if isinstance(value, str) else value)]


def _size(value: Any) -> list[int]:
    pixels = integer(1).convert
    if isinstance(value, list | tuple):
        height, width = value  # pyright: ignore[reportUnknownVariableType]
        return [pixels(height), pixels(width)]
    return [pixels(value)] * 2


def _channels(value: Any) -> int:
    if isinstance(value, bool) or value not in (1, 3, 4):
        raise ValueError
    return int(value)


NUMBER = Kind("a number of at least 0", _number)
FRACTION = Kind("a fraction, as in 20%", _fraction)
TEXT = Kind("a text in quotes", _text)
PATH = Kind("a path in quotes", _text)
DELIMITER = Kind('one character in quotes, or "tab"', _delimiter)
FLAG = Kind("true or false", _flag)
TEST = Kind("a fraction, as in 20%, or the path of a second file", _test)
NAMES = Kind("a name in quotes, or a list of them", _names)
SIZE = Kind("a number of pixels, or [height, width]", _size)
CHANNELS = Kind("1 (grey), 3 (red, green, blue) or 4 (with alpha)", _channels)
