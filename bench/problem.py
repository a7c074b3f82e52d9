"""The training steps that are compared, and what every side gets and gives."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]

BENCH = Path(__file__).parent
SHIPPED = BENCH.parent / "specs"


@dataclass(frozen=True, slots=True)
class Step:
    """inputs: a sample's shape, and the number of classes or 0. epoch: so many batches make one for fit."""

    spec: Path
    batch: int
    inputs: Mapping[str, tuple[tuple[int, ...], int]]
    epoch: int

    def draw(self, samples: int, random: np.random.Generator) -> dict[str, Array]:
        """Random inputs: classes as int64, everything else normal numbers in float32."""
        return {
            name: random.integers(classes, size=(samples, *shape))
            if classes
            else random.standard_normal((samples, *shape), np.float32)
            for name, (shape, classes) in self.inputs.items()
        }


def _image(*shape: int) -> Mapping[str, tuple[tuple[int, ...], int]]:
    return {"x": (shape, 0), "y": ((), 10)}


STEPS: Mapping[str, Step] = {
    "course_mlp": Step(SHIPPED / "course_mlp.net", 16, _image(3072), epoch=400),
    "course_cnn": Step(SHIPPED / "course_cnn.net", 16, _image(3, 28, 28), epoch=200),
    "dense": Step(BENCH / "specs" / "dense.net", 128, _image(784), epoch=100),
    "vgg": Step(BENCH / "specs" / "vgg.net", 64, _image(3, 32, 32), epoch=10),
    "residual": Step(SHIPPED / "residual.net", 128, _image(3, 32, 32), epoch=5),
    "chars": Step(SHIPPED / "chars.net", 32, {"t": ((64,), 96), "next": ((64,), 96)}, epoch=10),
}


@dataclass(frozen=True, slots=True)
class Problem:
    """One batch and the starting parameters, both in the order in which the spec declares them."""

    step: str
    inputs: Mapping[str, Array]
    parameters: Mapping[str, Array]

    def save(self, path: Path) -> None:
        inputs = {f"input/{name}": array for name, array in self.inputs.items()}
        parameters = {f"parameter/{name}": array for name, array in self.parameters.items()}
        np.savez(path, allow_pickle=False, step=np.array(self.step), **inputs, **parameters)

    @classmethod
    def load(cls, path: Path) -> Problem:
        with np.load(path) as file:

            def named(kind: str) -> dict[str, Array]:
                return {key.partition("/")[2]: file[key] for key in file.files if key.startswith(f"{kind}/")}

            return cls(str(file["step"]), named("input"), named("parameter"))


class Trainer(Protocol):
    """A network in some framework, ready to train on the problem's batch."""

    def train(self, steps: int) -> int:
        """Train at least so many steps to their very end; how many they were."""
        ...

    def loss(self) -> float:
        """The loss of the last step, from before its update."""
        ...

    def parameters(self) -> list[Array]:
        """As the problem has them: their order and shapes."""
        ...
