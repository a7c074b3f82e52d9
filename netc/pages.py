"""What each code of a message means: `netc explain shape`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

_TRAINED = """input x[N, 4]
input y[N] : class(3)
logits = x -> dense(3)
loss cross_entropy(logits, y)
"""


@dataclass(frozen=True, slots=True)
class Page:
    """title: a short sentence. text: what the code means. wrong: a file that is told of; right: its mend.

    overrides: of the command line, where the mistake is there. wrong is None where no file shows it.
    """

    title: str
    text: str
    wrong: str | None
    right: str
    overrides: Mapping[str, str] | None = None


PAGES: Mapping[str, Page] = {
    "axis": Page(
        "an axis that a tensor does not have, or that is named twice",
        "Axes count from 0; -1 is the last one, -2 the one before. The batch N is axis 0. "
        "transpose wants every axis once.",
        "input x[N, 8, 4]\noutput y = transpose(x, [0, 2])\n",
        "input x[N, 8, 4]\noutput y = transpose(x, [0, 2, 1])\n",
    ),
    "call": Page(
        "a call with arguments that its layer or function does not take",
        "The note under the message shows what it takes: formals with a default (k = 3) may be "
        "left out. `netc show NAME` prints the definition. What stands before an arrow is the "
        "first argument: x -> dense(3) is dense(x, 3).",
        "input x[N, 3, 8, 8]\noutput y = x -> conv(16, 3, padding = 1)\n",
        "input x[N, 3, 8, 8]\noutput y = x -> conv(16, 3, pad = 1)\n",
    ),
    "classes": Page(
        "class numbers used as amounts, or amounts as class numbers",
        "Classes are names that happen to be numbers: class 2 is not twice class 1. To calculate "
        "with them, make a row of zeros and a one of each, or look up a row that is learned. "
        "cross_entropy wants the number itself.",
        "input t[N, 5] : class(96)\noutput y = t -> dense(8)\n",
        "input t[N, 5] : class(96)\noutput y = t -> embedding(96, 8)\n",
    ),
    "data": Page(
        "a data block that does not fit its source or the inputs",
        "Each input is given a formula over the source's columns. `netc data list` names the "
        "sources and `netc data show SOURCE` the columns.",
        _TRAINED + "data iris() { x = features, y = lable }\n",
        _TRAINED + "data iris() { x = features, y = label }\n",
    ),
    "dtype": Page(
        "numbers of the wrong kind",
        "An index is a whole number. An input holds fractions unless it says class(K): then it "
        "holds 0 to K - 1.",
        "input t[N, 16]\nparam E[96, 32] ~ normal(0, 0.02)\noutput y = E[t]\n",
        "input t[N, 16] : class(96)\nparam E[96, 32] ~ normal(0, 0.02)\noutput y = E[t]\n",
    ),
    "file": Page(
        "a file that is not there or cannot be read",
        "SPEC is a .net file in UTF-8, `-` for standard input, or the name of an example that "
        "ships with netc.",
        None,
        "",
    ),
    "gradient": Page(
        "a gradient that is zero everywhere",
        "grad(e, t) says how e changes with t. Where e is computed without t, that is 0 for sure, "
        "and hardly meant.",
        "input x[N, 4]\ninput z[N, 4]\noutput y = grad(sum(x), z)\n",
        "input x[N, 4]\ninput z[N, 4]\noutput y = grad(sum(x * z), z)\n",
    ),
    "graph-text": Page(
        "a graph in its text form that cannot be read",
        "`netc dump --stage graph` writes graphs as text, which reads back: one operation a line, "
        "operands first, with its type.",
        None,
        "",
    ),
    "include": Page(
        "an include that cannot be followed",
        "The path is relative to the file that names it. An included file holds layers, "
        "optimizers and dims alone.",
        'include "nowhere.net"\ninput x[N, 4]\noutput y = relu(x)\n',
        "layer block(x[N, d]) { return relu(x) }\ninput x[N, 4]\noutput y = block(x)\n",
    ),
    "initialiser": Page(
        "a distribution that does not fit its tensor",
        "glorot, he and their like read their scale off an input and an output axis; a bias has "
        "one axis and starts from zeros.",
        "input x[N, 8]\nparam b[8] ~ glorot\noutput y = x + b\n",
        "input x[N, 8]\nparam b[8] ~ zeros\noutput y = x + b\n",
    ),
    "layer": Page(
        "a layer or optimizer whose body is not one",
        "A layer ends with return and what it gives. An optimizer holds states, bindings and "
        "updates, and gives param its next value.",
        "layer f(x[N, d]) { h = relu(x) }\ninput x[N, 4]\noutput y = f(x)\n",
        "layer f(x[N, d]) { h = relu(x)\n    return h }\ninput x[N, 4]\noutput y = f(x)\n",
    ),
    "limit": Page(
        "a file or network that is larger than netc takes",
        "Repeats are unrolled while compiling, so that a slip such as 10^9 would never end. Each "
        "limit is raised by a variable in the environment, which the message names: "
        "NETC_MAX_TURNS=50000 netc check big.net.",
        "input x[N, 8]\nh = x\nrepeat 10^9 { h = relu(h) }\noutput h\n",
        "input x[N, 8]\nh = x\nrepeat 9 { h = relu(h) }\noutput h\n",
    ),
    "loss": Page(
        "a loss that there is not, that there is twice, or that has no number for each sample",
        "The loss is the mean over the batch of one number for each sample. Several are added up "
        "in one statement.",
        _TRAINED + "loss 0.1 * l2(params)\n",
        "input x[N, 4]\n"
        "input y[N] : class(3)\n"
        "logits = x -> dense(3)\n"
        "loss cross_entropy(logits, y) + 0.1 * l2(params)\n",
    ),
    "name": Page(
        "a name that is not known here, or that is bound twice",
        "A name is bound once, before its first use; inside repeat alone it may be bound again. A "
        "layer sees its own formals and bindings and the dims of its file.",
        "input image[N, 8]\nh = imgae -> dense(4)\noutput h\n",
        "input image[N, 8]\nh = image -> dense(4)\noutput h\n",
    ),
    "output": Page(
        "nothing to predict",
        "`netc predict` gives the outputs that a file declares: output probabilities = softmax(logits).",
        None,
        "",
    ),
    "override": Page(
        "an override on the command line that the file has no place for",
        "NAME=VALUE replaces a dim of the file, train.KEY=VALUE a setting of its train block or "
        "an argument of its optimizer.",
        "dim H = 16\ninput x[N, 8]\noutput y = x -> dense(H)\n",
        "dim H = 16\ninput x[N, 8]\noutput y = x -> dense(H)\n",
        {"h": "32"},
    ),
    "shadow": Page(
        "a definition in the place of a standard one",
        "A file's own layers come before the standard ones of the same name. This is a warning: "
        "it may well be meant.",
        "layer relu(x[...]) { return maximum(x, 0) }\ninput x[N, 8]\noutput y = relu(x)\n",
        "layer positive(x[...]) { return maximum(x, 0) }\ninput x[N, 8]\noutput y = positive(x)\n",
    ),
    "shape": Page(
        "tensors whose shapes do not go together",
        "x[N, 16] @ W[16, 10] gives [N, 10]: the last axis of the left side meets the last but "
        "one of the right. + - * / match axes from the last one; an axis of size 1 is stretched. "
        "The notes say where each size came from; the mend has been tried: with it, this place "
        "compiles.",
        "dim H = 16\n"
        "input x[N, 8]\n"
        "param W1[8, H], W2[12, 3] ~ glorot\n"
        "h = tanh(x @ W1)\n"
        "output y = h @ W2\n",
        "dim H = 16\ninput x[N, 8]\nparam W1[8, H], W2[H, 3] ~ glorot\nh = tanh(x @ W1)\noutput y = h @ W2\n",
    ),
    "syntax": Page(
        "a statement that cannot be read",
        "Blocks stand in braces, whatever the indentation. A newline ends a statement, except "
        "inside ( ) and [ ] and before an arrow.",
        "parm W[3, 4] ~ glorot\ninput x[N, 3]\noutput y = x @ W\n",
        "param W[3, 4] ~ glorot\ninput x[N, 3]\noutput y = x @ W\n",
    ),
    "train": Page(
        "a train block with a setting that there is not, or a value that it cannot have",
        "In the brackets stand the optimizer's own arguments (lr, momentum, …), in the braces "
        "those of the training: epochs or steps, batch, seed, schedule, stop, clip, save, "
        "precision. The same code tells of a loss that is no longer a finite number: most often "
        "the learning rate is too large.",
        _TRAINED + "train sgd(lr = 0.1) { epoch = 10 }\n",
        _TRAINED + "train sgd(lr = 0.1) { epochs = 10 }\n",
    ),
    "twice": Page(
        "a softmax or sigmoid that is applied twice",
        "cross_entropy takes the softmax itself, which is stabler than a softmax and a logarithm. "
        "Behind another softmax it still trains, slowly and to a worse result.",
        "input x[N, 4]\n"
        "input y[N] : class(3)\n"
        "logits = x -> dense(3) -> softmax\n"
        "loss cross_entropy(logits, y)\n",
        _TRAINED + "output probabilities = softmax(logits)\n",
    ),
    "type": Page(
        "a value of another kind than is wanted",
        "There are tensors, numbers known while compiling (dims and hyper-parameters), texts, "
        "lists, and names of layers. Sizes, repeats and conditions are decided while compiling.",
        "input x[N, 8]\nh = x\nif sum(x) > 0 { h = relu(x) }\noutput h\n",
        "input x[N, 8]\noutput y = where(x > 0, x, 0)\n",
    ),
    "unused": Page(
        "parameters that no gradient of the loss reaches, or a definition that nothing uses",
        "Such parameters keep their starting values. Most often a tensor was computed and then another one "
        "was used. A layer that nothing calls is no part of the network; its names are checked all the same.",
        "input x[N, 4]\n"
        "input y[N] : class(3)\n"
        "h = x -> dense(16) -> relu\n"
        "logits = x -> dense(3)\n"
        "loss cross_entropy(logits, y)\n"
        "train sgd(lr = 0.1) { epochs = 1 }\n",
        "input x[N, 4]\n"
        "input y[N] : class(3)\n"
        "h = x -> dense(16) -> relu\n"
        "logits = h -> dense(3)\n"
        "loss cross_entropy(logits, y)\n"
        "train sgd(lr = 0.1) { epochs = 1 }\n",
    ),
    "value": Page(
        "a number that an operation does not take",
        "Kernels, strides and dilations are at least 1, paddings at least 0 and smaller than the window.",
        "input x[N, 1, 8, 8]\noutput y = maxpool(x, 2, pad = 2)\n",
        "input x[N, 1, 8, 8]\noutput y = maxpool(x, 3, pad = 1)\n",
    ),
}
