"""The thumbnails of a network's cards: what one sample makes of each layer, and filters that are images."""

from __future__ import annotations

from collections.abc import Mapping
from math import isqrt, prod

from ...compiler.draw.picture import Art
from ...compiler.ir import Graph
from ...compiler.network import Network
from ..model import Array
from . import thumbnails

MOST = 32  # images in a sheet
_FEWEST = 6  # numbers that make a picture
_WIDTH, _HEIGHT = 150.0, 110.0  # points


class Gallery:
    """values: of one sample, by node. filters: parameters by node, none of them where they are not trained.

    image: the shape [c, h, w] of the images that the network's input comes from, if it does.
    """

    def __init__(
        self, graph: Graph, values: Mapping[int, Array], filters: Mapping[int, Array], image: tuple[int, ...]
    ) -> None:
        self.graph, self.values, self.parameters, self.image = graph, values, filters, image
        self.files: dict[str, bytes] = {}

    def activation(self, id: int) -> Art | None:
        """A node's value for the sample: images as a sheet, a vector as a strip."""
        array = self.values.get(id)
        if array is None or array.ndim < 2 or array[0].size < _FEWEST:
            return None
        value, note = array[0], ""
        images: Array | None = None
        if self.graph[id].op == "input" and value.size == prod(self.image):
            images = thumbnails.image(value.reshape(self.image))[None]
        elif self.graph[id].op == "input" and value.ndim == 3 and len(value) in (1, 3):
            images = thumbnails.image(value)[None]
        elif value.ndim == 3:
            images = thumbnails.grey(value[:MOST])
            note = f"{MOST} of {len(value)}" if len(value) > MOST else ""
        elif value.ndim <= 2:
            images = thumbnails.grey(value if value.ndim == 2 else _strip(value))[None]
        return self._art(f"v{id}", note, images) if images is not None else None

    def filters(self, id: int) -> Art | None:
        """A parameter's filters, where they are images themselves or stand for pixels."""
        weights = self.parameters.get(id)
        if weights is None:
            return None
        if weights.ndim == 4 and weights.shape[1] in (1, 3):
            stack = weights
        elif (
            weights.ndim == 2
            and self.image
            and weights.shape[0] == prod(self.image)
            and self._reads_input(id)
        ):
            stack = weights.T.reshape(weights.shape[1], *self.image)
        else:
            return None
        name = self.graph[id].name.rsplit(".", 1)[-1]
        note = f"{name}: {MOST} of {len(stack)}" if len(stack) > MOST else name
        pixels = thumbnails.signed(stack[:MOST])
        if pixels.ndim == 4:
            pixels = pixels.transpose(0, 2, 3, 1) if pixels.shape[1] == 3 else pixels[:, 0]
        return self._art(f"w{id}", note, pixels)

    def _reads_input(self, param: int) -> bool:
        """Whether a matrix is multiplied with the input itself."""
        others = [o for u in self.graph.users(param) for o in self.graph.operands(u) if o != param]
        while others:
            id = others.pop()
            if self.graph[id].op == "input":
                return True
            if self.graph[id].op == "reshape":
                others += self.graph.operands(id)
        return False

    def _art(self, name: str, caption: str, images: Array) -> Art:
        file = f"{name}.png"
        pixels = thumbnails.sheet(images)
        self.files[file] = thumbnails.png(pixels)
        height, width = pixels.shape[:2]
        factor = min(_WIDTH / width, _HEIGHT / height)
        return Art(caption, file, round(width * factor), round(height * factor))


def image_shape(network: Network) -> tuple[int, ...]:
    """The shape of one image of the data, [c, h, w] with 1 or 3 channels; () where there are none."""
    for column in network.evaluating_data.leaves("column").values():
        shape = tuple(d for d in column.type.shape[1:] if isinstance(d, int))
        if len(shape) == 3 and shape[0] in (1, 3):
            return shape
    return ()


def _strip(vector: Array) -> Array:
    """A vector as a matrix that is easily seen: one row, or several of equal length, read like a text."""
    if vector.size <= 16:
        return vector[None]
    for rows in range(isqrt(vector.size), 0, -1):
        if vector.size % rows == 0 and vector.size // rows <= 6 * rows:
            return vector.reshape(rows, -1)
    return vector[None]
