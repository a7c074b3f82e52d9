"""PyTorch's side: torch.nn modules, eager and under torch.compile."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from itertools import product

import torch
import torch.nn.functional as F
from problem import Array, Problem
from torch import Tensor, nn, optim
from worker import Ways


class Residual(nn.Module):
    def __init__(self, c: int) -> None:
        super().__init__()
        self.z = nn.Sequential(
            nn.Conv2d(c, c, 3, padding=1),
            nn.BatchNorm2d(c),
            nn.ReLU(),
            nn.Conv2d(c, c, 3, padding=1),
            nn.BatchNorm2d(c),
        )

    def forward(self, x: Tensor) -> Tensor:
        return F.relu(x + self.z(x))


class Block(nn.Module):
    def __init__(self, d: int) -> None:
        super().__init__()
        self.norm1 = nn.LayerNorm(d)
        self.q, self.k, self.v = (nn.Linear(d, d, bias=False) for _ in range(3))
        self.norm2 = nn.LayerNorm(d)
        self.dense = nn.Sequential(nn.Linear(d, 4 * d), nn.ReLU(), nn.Linear(4 * d, d))

    def forward(self, x: Tensor) -> Tensor:
        n = self.norm1(x)
        q, k, v = (layer(n).unsqueeze(1) for layer in (self.q, self.k, self.v))  # one head
        z = x + F.scaled_dot_product_attention(q, k, v, is_causal=True).squeeze(1)
        return z + self.dense(self.norm2(z))


class Chars(nn.Module):
    def __init__(self, time: int, d: int) -> None:
        super().__init__()
        self.E, self.P = nn.Parameter(torch.empty(96, d)), nn.Parameter(torch.empty(time, d))
        self.blocks = nn.Sequential(*(Block(d) for _ in range(4)), nn.LayerNorm(d))

    def forward(self, t: Tensor) -> Tensor:
        return F.linear(self.blocks(F.embedding(t, self.E) + self.P), self.E)


def course_mlp() -> nn.Module:
    return nn.Sequential(nn.Linear(3072, 16), nn.Tanh(), nn.Linear(16, 10))


def course_cnn() -> nn.Module:
    return nn.Sequential(
        *(nn.Conv2d(3, 10, 5), nn.MaxPool2d(2), nn.ReLU()),
        *(nn.Conv2d(10, 20, 5), nn.MaxPool2d(2), nn.ReLU()),
        *(nn.Flatten(), nn.Linear(320, 50), nn.ReLU(), nn.Linear(50, 10)),
    )


def dense() -> nn.Module:
    return nn.Sequential(
        *(nn.Linear(784, 512), nn.ReLU()),
        *(nn.Linear(512, 512), nn.ReLU()),
        nn.Linear(512, 10),
    )


def vgg() -> nn.Module:
    def pair(before: int, channels: int) -> list[nn.Module]:
        first, second = (nn.Conv2d(c, channels, 3, padding=1) for c in (before, channels))
        return [first, nn.ReLU(), second, nn.ReLU(), nn.MaxPool2d(2)]

    return nn.Sequential(*pair(3, 32), *pair(32, 64), *pair(64, 128), nn.Flatten(), nn.Linear(2048, 10))


def residual() -> nn.Module:
    return nn.Sequential(
        *(nn.Conv2d(3, 16, 3, padding=1), *(Residual(16) for _ in range(3))),
        *(nn.Conv2d(16, 32, 3, stride=2, padding=1), *(Residual(32) for _ in range(3))),
        *(nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(32, 10)),
    )


@dataclass(frozen=True, slots=True)
class Training:
    """penalty: the factor of the sum of all parameters' squares in the loss."""

    network: Callable[[], nn.Module]
    optimizer: Callable[..., optim.Optimizer]
    penalty: float = 0.0


momentum = partial(optim.SGD, momentum=0.9)

TRAININGS: Mapping[str, Training] = {
    "course_mlp": Training(course_mlp, partial(optim.SGD, lr=0.001)),
    "course_cnn": Training(course_cnn, partial(momentum, lr=0.001)),
    "dense": Training(dense, partial(momentum, lr=0.01)),
    "vgg": Training(vgg, partial(momentum, lr=0.001)),
    "residual": Training(residual, partial(momentum, lr=0.1), penalty=1e-4),
    "chars": Training(lambda: Chars(64, 128), partial(optim.Adam, lr=3e-4)),
}


def parameters(network: nn.Module) -> Iterator[Tensor]:
    """In the order of their declaration, with a dense layer's weights as [inputs, outputs]."""
    for module in network.modules():
        for parameter in module.parameters(recurse=False):
            transposed = isinstance(module, nn.Linear) and parameter.ndim == 2
            yield parameter.detach().T if transposed else parameter.detach()


class Looping:
    """The ordinary loop. compiled: nothing, the network with its loss, or the whole step."""

    def __init__(
        self, problem: Problem, layout: torch.memory_format, fused: bool = False, compiled: str = ""
    ) -> None:
        training = TRAININGS[problem.step]
        self._network = training.network()
        for parameter, start in zip(parameters(self._network), problem.parameters.values(), strict=True):
            parameter.copy_(torch.from_numpy(start))
        self._network.to(memory_format=layout)
        optimizer = training.optimizer(self._network.parameters(), fused=fused or None)
        x, labels = (torch.from_numpy(array) for array in problem.inputs.values())
        if x.ndim == 4:
            x = x.contiguous(memory_format=layout)

        def loss_of(x: Tensor, labels: Tensor) -> Tensor:
            loss = F.cross_entropy(self._network(x).flatten(0, -2), labels.flatten())
            if training.penalty:
                loss = loss + training.penalty * sum(p.square().sum() for p in self._network.parameters())
            return loss

        loss_function = torch.compile(loss_of) if compiled == "network" else loss_of

        def step(x: Tensor, labels: Tensor) -> Tensor:
            optimizer.zero_grad()
            loss = loss_function(x, labels)
            loss.backward()
            optimizer.step()
            return loss.detach()

        self._step = partial(torch.compile(step) if compiled == "step" else step, x, labels)
        self._loss = torch.tensor(float("nan"))

    def train(self, steps: int) -> int:
        for _ in range(steps):
            self._loss = self._step()
        return steps

    def loss(self) -> float:
        return self._loss.item()

    def parameters(self) -> list[Array]:
        return [parameter.numpy() for parameter in parameters(self._network)]


def _layouts(problem: Problem) -> Mapping[str, torch.memory_format]:
    layouts = {"": torch.contiguous_format}
    if any(array.ndim == 4 for array in problem.inputs.values()):
        layouts["channels_last"] = torch.channels_last
    return layouts


def eager(problem: Problem) -> Ways:
    """Without compilation: both layouts of images, the optimizer's loop in Python or fused."""
    return {
        f"eager{' fused' if fused else ''} {layout}".rstrip(): partial(Looping, problem, format, fused)
        for (layout, format), fused in product(_layouts(problem).items(), (False, True))
    }


def compiled(problem: Problem) -> Ways:
    """torch.compile in its default mode, around the network with its loss or around the whole step."""
    return {
        f"compiled {what} {layout}".rstrip(): partial(Looping, problem, format, compiled=what)
        for (layout, format), what in product(_layouts(problem).items(), ("network", "step"))
    }
