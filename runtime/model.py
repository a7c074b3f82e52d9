"""A compiled network with its parameters: what `netc.compile` gives."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, MutableMapping, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any
from weakref import WeakKeyDictionary

import numpy as np

from ..compiler.diagnostics import SpecError
from ..compiler.ir import Graph, Result, size_at
from ..compiler.network import Variable
from ..compiler.pipeline import Compiled, Purpose
from .device import Device
from .executable import executable
from .initialise import draw
from .inputs import Array, Inputs
from .program import Executable

if TYPE_CHECKING:
    from ..compiler.draw import View
    from .render.views import Shown

_LOSS = Result("loss", "loss")
TRAINING = (
    "train",
    "step",
    "gradients",
)  # the other purposes read the averages of parameters, if there are any


class UnknownName(KeyError, ValueError):
    """There is no parameter, state or tensor of that name."""

    def __str__(self) -> str:
        return str(self.args[0])


class Variables(MutableMapping[str, Array]):
    """Parameters or states by name. Reading gives a copy; assigning checks shape and dtype."""

    def __init__(self, model: Model, kind: str) -> None:
        self._model, self._kind = model, kind

    def _variable(self, name: str) -> Variable:
        found = self._model.compiled.network.variables.get(name)
        if found is None or found.kind != self._kind:
            known = ", ".join(self) or "none"
            raise UnknownName(f"there is no {self._kind} called {name!r}; there are {known}")
        return found

    def __getitem__(self, name: str) -> Array:
        return self._model.device.numpy(self._model.memory[self._variable(name).name]).copy()

    def __setitem__(self, name: str, value: Any) -> None:
        variable = self._variable(name)
        array = np.asarray(self._model.device.numpy(value))
        if array.shape != variable.type.shape:
            raise ValueError(f"{name} has shape {variable.type.shape}, not {array.shape}")
        if array.dtype.kind not in "fiub" or not np.can_cast(array.dtype, variable.type.dtype, "same_kind"):
            raise ValueError(f"{name} holds {variable.type.dtype}, not {array.dtype}")
        average = self._model.compiled.network.averages.get(name)
        for target in (name,) if average is None else (name, average):
            self._model.memory[target][...] = self._model.device.array(array.astype(variable.type.dtype))

    def __delitem__(self, name: str) -> None:
        raise TypeError(f"the {self._kind}s of a model are fixed")

    def __iter__(self) -> Iterator[str]:
        return (v.name for v in self._model.compiled.network.variables.values() if v.kind == self._kind)

    def __len__(self) -> int:
        return sum(1 for _ in self)


class Model:
    """A network that can be run, trained, saved and drawn."""

    def __init__(self, compiled: Compiled, device: Device, base: Path, seed: int | None = None) -> None:
        """base: the folder that data paths are relative to. seed: instead of the train block's."""
        self.compiled = compiled
        self.device = device
        self.base = base
        train = compiled.network.train
        self.seed = seed if seed is not None else (train.seed if train else 0)
        self.step_number = 0
        self._executables: dict[tuple[str, int], Executable] = {}
        self._inputs_of: WeakKeyDictionary[Graph, Inputs] = WeakKeyDictionary()
        variables = compiled.network.variables.values()
        self.memory: dict[str, Array] = device.arrays({v.name: v.type for v in variables})
        self.initialise()

    def initialise(self) -> None:
        """Draw every parameter and state anew, by the seed and its name."""
        self.step_number = 0
        for variable in self.compiled.network.variables.values():
            shape = tuple(size_at(d, 1) for d in variable.type.shape)
            drawn = self.compiled.network.drawn(variable)
            initial = ("zeros",) if drawn.initial[0] == "statistic" else drawn.initial
            value = draw(drawn.name, shape, initial, self.seed, variable.type.dtype)
            self.memory[variable.name][...] = self.device.array(value)

    @property
    def parameters(self) -> Variables:
        return Variables(self, "param")

    @property
    def state(self) -> Variables:
        return Variables(self, "state")

    @property
    def graph(self) -> Any:
        """The forward graph, a networkx MultiDiGraph; each node's record is its attribute `node`."""
        return self.compiled.graph("forward").nx

    @property
    def backward(self) -> Any:
        """The gradient graph with the forward nodes that it reads, as networkx."""
        return self.compiled.graph("gradients").nx

    @cached_property
    def code(self) -> str:
        """The generated program's text, which runs by itself."""
        from .script import script

        return script(self)

    def forward(self, want: Sequence[str] = (), **inputs: Any) -> dict[str, Array]:
        """Loss, metrics, outputs and any named tensor asked for, not training. A result needs its inputs
        alone.
        """
        graph = self._wanted(tuple(want))
        graph = _computable(graph, inputs)
        key = f"forward {' '.join(want)} from {' '.join(sorted(inputs))}"
        results = self._run(key, graph, inputs)
        names = {r: r.name for r in results}
        return {names[r]: value for r, value in results.items()}

    def gradients(self, **inputs: Any) -> dict[str, Array]:
        """The gradient of the loss by parameter, in training mode."""
        results = self._run("gradients", self._checked("gradients"), inputs)
        return {r.name: value for r, value in results.items() if r.kind == "gradient"}

    def step(self, **inputs: Any) -> float:
        """One training step, in place; returns the loss before it."""
        self._needs_train()
        results = self._run("step", self._checked("step"), inputs)
        self.step_number += 1
        return float(results[_LOSS])

    def predict(self, **inputs: Any) -> Array | dict[str, Array]:
        """The outputs: one array, or several by name."""
        results = self._run("predict", self._checked("predict"), inputs)
        named = {r.name: value for r, value in results.items()}
        return next(iter(named.values())) if len(named) == 1 else named

    def fit(self, epochs: int | None = None, **options: Any) -> Any:
        """Train as `netc train` does; returns the history."""
        from .train import fit

        return fit(self, epochs=epochs, **options)

    def evaluate(self, split: str = "test") -> dict[str, float]:
        """Loss and metrics over a whole split of the data."""
        from .train import evaluate

        return evaluate(self, split)

    def draw(self, view: View = "mirror", **options: Any) -> Shown:
        """A picture that shows itself in Jupyter and has .save("mlp.svg").

        options: size, direction, depth, only, expand, update, as `netc draw` has them; theme; inputs, by
        name, whose values cards and numbers show. Raises DrawError, RenderError.
        """
        from ..compiler.draw import Options
        from .render.values import Samples
        from .render.views import Given, show

        theme, inputs = options.pop("theme", "auto"), options.pop("inputs", None)
        trained = f"after step {self.step_number}" if self.step_number else ""
        samples = Samples(dict(inputs), "the given samples") if inputs is not None else None
        return show(self, Options(view, **options), theme, Given(samples, trained))

    def save(self, path: str | Path) -> None:
        """Parameters and states, as safetensors with metadata; the file appears whole or not at all."""
        from .checkpoint import save

        save(self, Path(path))

    def load(self, path: str | Path) -> None:
        """Parameters and states from a file; nothing is changed if it does not fit."""
        from .checkpoint import restore

        restore(self, Path(path))

    def executable(self, key: str, graph: Graph, n: int) -> Executable:
        """The program for a graph and batch size, loaded once."""
        if (key, n) not in self._executables:
            purpose = key.split()[0]
            memory = self.memory
            if purpose not in TRAINING:
                averages = self.compiled.network.averages
                memory = {**memory, **{name: memory[average] for name, average in averages.items()}}
            self._executables[(key, n)], _ = executable(graph, n, purpose, self.device, memory)
        return self._executables[(key, n)]

    def program(self, purpose: Purpose, n: int) -> Executable:
        """The program for a purpose and batch size."""
        return self.executable(purpose, self.compiled.graph(purpose), n)

    @property
    def steps(self) -> int:
        """How many steps the whole training has, as schedules see it: 1 where it is not known."""
        train = self.compiled.network.train
        return self.total_steps or (train.steps if train and train.steps else 1)

    total_steps: int = 0

    def _run(self, key: str, graph: Graph, inputs: Mapping[str, Any]) -> dict[Result, Array]:
        arrays, n = self._inputs(graph).arrays(inputs)
        executable = self.executable(key, graph, n)
        return executable.run(arrays, step=self.step_number, steps=self.steps, seed=self.seed)

    def _inputs(self, graph: Graph) -> Inputs:
        """The inputs of a graph; found once, since a large graph takes longer to walk than a small step."""
        if graph not in self._inputs_of:
            self._inputs_of[graph] = Inputs(graph, self.compiled.network, self.device)
        return self._inputs_of[graph]

    def _wanted(self, want: tuple[str, ...]) -> Graph:
        if not want:
            return self.compiled.graph("forward")
        try:
            return self.compiled.valued(want)
        except KeyError as error:
            known = ", ".join(self.compiled.network.evaluating.of_kind("value"))
            raise UnknownName(f"there is no tensor called {error.args[0]!r}; there are {known}") from None

    def _checked(self, purpose: Purpose) -> Graph:
        graph = self.compiled.graph(purpose)
        if not graph.results:
            what = "an output" if purpose in ("predict", "answer") else "a loss"
            raise ValueError(f"{self.compiled.network.name} declares no {what.split()[1]}: it needs {what}")
        return graph

    def _needs_train(self) -> None:
        if self.compiled.network.train is None:
            raise ValueError(f"{self.compiled.network.name} has no train block, so there is no step to take")


def _computable(graph: Graph, inputs: Mapping[str, Any]) -> Graph:
    """The results that can be computed from these inputs: without labels there is no loss, but there are
    outputs.
    """
    from ..compiler.extract import ancestors, select

    names = {node.name for node in graph if node.op == "input"}
    if names <= set(inputs):
        return graph
    possible = {
        result
        for result, id in graph.results.items()
        if all(graph[a].op != "input" or graph[a].name in inputs for a in ancestors(graph, [id]))
    }
    return select(graph, lambda r: r in possible) if possible else graph


__all__ = ["Model", "SpecError", "Variables"]
