"""A text as sequences of characters."""

from typing import Any

import numpy as np

from .kinds import FRACTION, PATH, integer
from .source import Arguments, Column, Columns, DataError, Dataset, Parameter, Source, decode


def read_text(path: str, length: int, test: float, stride: int) -> dict[str, dict[str, np.ndarray]]:
    """Cut a text into windows of length + 1 characters, `stride` apart; its end is to test with.

    A character's number is its place among the sorted characters of the text. The windows are views, which
    spend no memory where they overlap.
    """
    from pathlib import Path

    text = Path(path).read_text("utf-8-sig")
    characters = sorted(set(text))
    number = np.zeros(0x110000, np.min_scalar_type(len(characters) - 1))
    number[[ord(character) for character in characters]] = np.arange(len(characters))
    tokens = number[np.frombuffer(text.encode("utf-32-le"), np.uint32)]

    def windows(part: np.ndarray, stride: int) -> np.ndarray:
        return np.lib.stride_tricks.sliding_window_view(part, length + 1)[::stride]

    cut = len(tokens) - round(len(tokens) * test)
    splits = {"train": {"chars": windows(tokens[:cut], stride)}}
    if cut < len(tokens):
        splits["test"] = {"chars": windows(tokens[cut:], length)}
    return splits


def call(arguments: Arguments) -> dict[str, Any]:
    length = arguments.length
    if length is None:
        message = "the length of a sequence is not known: no input of the network takes tokens"
        raise DataError(message, arguments.path("path"), help="declare an input[N, T] that is bound to chars")
    return {
        "path": str(arguments.path("path")),
        "length": length,
        "test": arguments["test"],
        "stride": length if arguments["stride"] is None else arguments["stride"],
    }


def describe(arguments: Arguments) -> Columns:
    """The column chars, whose vocabulary is that of the whole file. Raises DataError."""
    path, length, test = arguments.file("path"), call(arguments)["length"], arguments["test"]
    text = decode(path)
    if not text:
        raise DataError("the file is empty", path)
    held = round(len(text) * test)
    for part, count in (("to test with", held), ("to train with", len(text) - held)):
        if count <= length and not (part == "to test with" and held == 0):
            message = f"{count} characters {part} are too few for a sequence of {length} and the one after it"
            raise DataError(message, path, help="take a longer text, a smaller T or another test = …")
    vocabulary = tuple(sorted(set(text)))
    dtype = np.min_scalar_type(len(vocabulary) - 1)
    return {"chars": Column(dtype, (length + 1,), vocabulary, len(vocabulary), sequence=True)}


def load(arguments: Arguments) -> Dataset:
    return Dataset.of(describe(arguments), read_text(**call(arguments)))


TEXT_FILE = Source(
    "text",
    "a text file as sequences of characters, as long as the network's input; the end is for testing",
    (Parameter("path", PATH), Parameter("test", FRACTION, 0.1), Parameter("stride", integer(1), None)),
    describe,
    load,
    read_text,
    call,
)
