"""JAX's side: functions over a list of parameters, the whole step jitted, optax for the updates.

Images lie as [n, h, w, c] and poolings are a reshape and a maximum: with [n, c, h, w] or reduce_window, XLA's
steps on a CPU take up to twice as long. Batch normalisation keeps no running averages here, which spares JAX
some work.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax import lax, nn
from problem import Array, Problem

Parameters = Iterator[Any]


def dense(p: Parameters, x: Any) -> Any:
    return x @ next(p) + next(p)


def conv(p: Parameters, x: Any, stride: int = 1, pad: int = 0) -> Any:
    layout = ("NHWC", "OIHW", "NHWC")
    z = lax.conv_general_dilated(x, next(p), (stride, stride), [(pad, pad)] * 2, dimension_numbers=layout)
    return z + next(p)


def maxpool(x: Any) -> Any:
    n, h, w, c = x.shape
    return x.reshape(n, h // 2, 2, w // 2, 2, c).max((2, 4))


def flatten(x: Any) -> Any:
    """In the order of the spec's [n, c, h, w]."""
    return x.transpose(0, 3, 1, 2).reshape(len(x), -1)


def batchnorm(p: Parameters, x: Any) -> Any:
    return nn.standardize(x, axis=(0, 1, 2), epsilon=1e-5) * next(p) + next(p)


def layernorm(p: Parameters, x: Any) -> Any:
    return nn.standardize(x, axis=-1, epsilon=1e-5) * next(p) + next(p)


def course_mlp(p: Parameters, x: Any) -> Any:
    h = jnp.tanh(dense(p, x))
    return dense(p, h)


def course_cnn(p: Parameters, x: Any) -> Any:
    a = nn.relu(maxpool(conv(p, x)))
    b = nn.relu(maxpool(conv(p, a)))
    return dense(p, nn.relu(dense(p, flatten(b))))


def three_layers(p: Parameters, x: Any) -> Any:
    for _ in range(2):
        x = nn.relu(dense(p, x))
    return dense(p, x)


def vgg(p: Parameters, x: Any) -> Any:
    for _ in range(3):
        x = nn.relu(conv(p, x, pad=1))
        x = maxpool(nn.relu(conv(p, x, pad=1)))
    return dense(p, flatten(x))


def residual(p: Parameters, x: Any) -> Any:
    for stride in (1, 2):
        x = conv(p, x, stride, pad=1)
        for _ in range(3):
            z = nn.relu(batchnorm(p, conv(p, x, pad=1)))
            z = batchnorm(p, conv(p, z, pad=1))
            x = nn.relu(x + z)
    return dense(p, x.mean((1, 2)))


def chars(p: Parameters, t: Any) -> Any:
    E, P = next(p), next(p)
    h = E[t] + P
    for _ in range(4):
        n = layernorm(p, h)
        q, k, v = ((n @ next(p))[:, :, None] for _ in range(3))  # one head
        h = h + nn.dot_product_attention(q, k, v, is_causal=True)[:, :, 0]
        n = layernorm(p, h)
        h = h + dense(p, nn.relu(dense(p, n)))
    return layernorm(p, h) @ E.T


@dataclass(frozen=True, slots=True)
class Training:
    """penalty: the factor of the sum of all parameters' squares in the loss."""

    network: Callable[[Parameters, Any], Any]
    optimizer: optax.GradientTransformation
    penalty: float = 0.0


TRAININGS: Mapping[str, Training] = {
    "course_mlp": Training(course_mlp, optax.sgd(0.001)),
    "course_cnn": Training(course_cnn, optax.sgd(0.001, momentum=0.9)),
    "dense": Training(three_layers, optax.sgd(0.01, momentum=0.9)),
    "vgg": Training(vgg, optax.sgd(0.001, momentum=0.9)),
    "residual": Training(residual, optax.sgd(0.1, momentum=0.9), penalty=1e-4),
    "chars": Training(chars, optax.adam(3e-4)),
}


class Jitted:
    """One jitted function for the whole step, which takes parameters and states over in place."""

    def __init__(self, problem: Problem) -> None:
        training = TRAININGS[problem.step]
        x, labels = problem.inputs.values()
        x = x.transpose(0, 2, 3, 1) if x.ndim == 4 else x
        self._batch = jnp.asarray(x), jnp.asarray(labels)
        self._parameters = [jnp.asarray(array) for array in problem.parameters.values()]
        self._states = training.optimizer.init(self._parameters)
        self._loss: Any = float("nan")

        def loss_of(parameters: list[Any], x: Any, labels: Any) -> Any:
            logits = training.network(iter(parameters), x)
            loss = optax.softmax_cross_entropy_with_integer_labels(logits, labels).mean()
            if training.penalty:
                loss += training.penalty * sum(jnp.square(p).sum() for p in parameters)
            return loss

        @partial(jax.jit, donate_argnums=(0, 1))
        def step(parameters: list[Any], states: Any, x: Any, labels: Any) -> Any:
            loss, gradients = jax.value_and_grad(loss_of)(parameters, x, labels)
            updates, states = training.optimizer.update(gradients, states, parameters)
            return optax.apply_updates(parameters, updates), states, loss

        self._step = step

    def train(self, steps: int) -> int:
        for _ in range(steps):
            self._parameters, self._states, self._loss = self._step(
                self._parameters, self._states, *self._batch
            )
        jax.block_until_ready((self._parameters, self._states))
        return steps

    def loss(self) -> float:
        return float(self._loss)

    def parameters(self) -> list[Array]:
        return [np.asarray(parameter) for parameter in self._parameters]
