"""The shipped networks of images in PyTorch, from the mathematics by hand: (parameters, batch) -> loss."""

from __future__ import annotations

from functools import partial

import torch
import torch.nn.functional as F
from torch import Tensor, optim

from .layers_of_twins import batch_norm, convolved, copies, dense, filters, norm, weights
from .twin import Shapes, Tensors, Twin, cosine, inverse

momentum = partial(optim.SGD, momentum=0.9)


def mlp(p: Tensors, b: Tensors) -> Tensor:
    return F.cross_entropy(torch.tanh(b["x"] @ p["W1"] + p["b1"]) @ p["W2"] + p["b2"], b["y"])


def course_mlp(p: Tensors, b: Tensors) -> Tensor:
    return F.cross_entropy(dense(p, "logits", torch.tanh(dense(p, "h.dense1", b["x"]))), b["y"])


def course_cnn(p: Tensors, b: Tensors) -> Tensor:
    x = F.relu(F.max_pool2d(convolved(p, "a.conv1", b["x"]), 2))
    x = F.relu(F.max_pool2d(convolved(p, "b.conv1", x), 2))
    x = F.relu(dense(p, "logits.dense1", x.flatten(1)))
    return F.cross_entropy(dense(p, "logits.dense2", x), b["y"])


def tutorial_cnn(p: Tensors, b: Tensors) -> Tensor:
    x = F.max_pool2d(F.relu(convolved(p, "a.filter1", b["x"])), 2)
    x = F.max_pool2d(F.relu(convolved(p, "b.filter1", x)), 2)
    x = F.relu(dense(p, "logits.linear1", x.flatten(1)))
    x = F.relu(dense(p, "logits.linear2", x))
    return F.cross_entropy(dense(p, "logits.linear3", x), b["y"])


def lenet(p: Tensors, b: Tensors) -> Tensor:
    x = F.max_pool2d(convolved(p, "a.conv1", b["x"]), 2)
    x = F.max_pool2d(convolved(p, "b.conv1", x), 2)
    return F.cross_entropy(dense(p, "logits", F.relu(dense(p, "f.dense1", x.flatten(1)))), b["y"])


def nielsen(p: Tensors, b: Tensors) -> Tensor:
    a = torch.sigmoid(torch.sigmoid(b["x"] @ p["W1"] + p["b1"]) @ p["W2"] + p["b2"])
    return 0.5 * F.mse_loss(a, F.one_hot(b["y"], 10).to(a.dtype), reduction="sum") / len(a)


def residual(p: Tensors, b: Tensors) -> Tensor:
    x = b["x"]
    for name, stride in (("a", 1), ("b", 2)):
        x = convolved(p, f"{name}.conv1", x, padding=1, stride=stride)
        for i in copies(p, f"{name}.block"):
            x = _block(p, f"{name}.block{i}.z", x)
    logits = dense(p, "logits.dense1", x.mean((2, 3)))
    return F.cross_entropy(logits, b["y"]) + 1e-4 * sum((t * t).sum() for t in p.values())


def _block(p: Tensors, name: str, x: Tensor) -> Tensor:
    z = F.relu(batch_norm(p, f"{name}.batchnorm1", convolved(p, f"{name}.conv1", x, padding=1)))
    z = batch_norm(p, f"{name}.batchnorm2", convolved(p, f"{name}.conv2", z, padding=1))
    return F.relu(x + z)


def _block_shapes(name: str, c: int) -> Shapes:
    found: Shapes = {}
    for i in (1, 2):
        found |= filters(f"{name}.conv{i}", c, c, 3) | norm(f"{name}.batchnorm{i}", c)
    return found


MLP = {"W1": (3072, 16), "W2": (16, 10), "b1": (16,), "b2": (10,)}
NIELSEN = {"W1": (784, 30), "W2": (30, 10), "b1": (30,), "b2": (10,)}
COURSE_MLP = weights("h.dense1", 3072, 16) | weights("logits", 16, 10)
COURSE_CNN = {
    **filters("a.conv1", 3, 10, 5),
    **filters("b.conv1", 10, 20, 5),
    **weights("logits.dense1", 320, 50),
    **weights("logits.dense2", 50, 10),
}
TUTORIAL_CNN = {
    **filters("a.filter1", 3, 6, 5),
    **filters("b.filter1", 6, 16, 5),
    **weights("logits.linear1", 400, 120),
    **weights("logits.linear2", 120, 84),
    **weights("logits.linear3", 84, 10),
}
LENET = {
    **filters("a.conv1", 1, 20, 5),
    **filters("b.conv1", 20, 50, 5),
    **weights("f.dense1", 800, 500),
    **weights("logits", 500, 10),
}
RESIDUAL = {
    **filters("a.conv1", 3, 2, 3),
    **_block_shapes("a.block1.z", 2),
    **filters("b.conv1", 2, 4, 3),
    **_block_shapes("b.block1.z", 4),
    **weights("logits.dense1", 4, 10),
}

IMAGES = {
    "mlp": Twin(MLP, mlp, partial(optim.SGD, lr=0.1)),
    "course_mlp": Twin(COURSE_MLP, course_mlp, partial(optim.SGD, lr=0.001)),
    "course_cnn": Twin(COURSE_CNN, course_cnn, partial(momentum, lr=0.001)),
    "tutorial_cnn": Twin(TUTORIAL_CNN, tutorial_cnn, partial(momentum, lr=0.001)),
    "lenet": Twin(LENET, lenet, partial(momentum, lr=0.01, weight_decay=0.0005), inverse),
    "nielsen": Twin(NIELSEN, nielsen, partial(optim.SGD, lr=3.0)),
    "residual": Twin(RESIDUAL, residual, partial(momentum, lr=0.1), cosine),
}
