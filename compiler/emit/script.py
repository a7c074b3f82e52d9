"""The whole training as one NumPy text that runs by itself: what `netc dump --stage code` prints."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import PurePath

from ..ir import Graph
from ..plan import Plan, plan
from .kernels import KERNELS
from .names import Names
from .numpy import arguments, emit_function
from .program import IMPORT, kernels_of

# What a column or figure is not called in the functions below: their other names.
_RESERVED = (
    *(
        "np",
        "P",
        "A",
        "arena",
        "data",
        "train",
        "split",
        "samples",
        "some",
        "rows",
        "epoch",
        "first",
        "t",
        "n",
        "steps",
    ),
    *("step_of", "values", "totals", "total", "sums", "part", "seen", "line", "name", "shown", "evaluate"),
    *("measure", "make_measure", "make_finish", "len", "next", "iter", "min", "range", "zip", "print"),
)


@dataclass(frozen=True, slots=True)
class Recipe:
    """What a script is made of.

    name: of the .net file; source: its text. imports: what `functions` need besides NumPy. functions: texts
    of whole functions, in order, that read data and draw parameters; the kernels that they call are added.
    data: the expression of the splits, {"train": {column: array}, "valid": …, "test": …}. variables: for
    every parameter and state the expression of its starting array; `train` in it is the training split, and
    SEED the seed. order: the expression of the row numbers of an epoch, from `samples`, SEED and `epoch`,
    which counts from 1. steps: how many the training takes, instead of the epochs. averages: states that take
    the place of parameters when evaluating, by parameter. train: the graph of a step
    on columns, with the updates. evaluate, finish: the sums over a batch of columns, and the loss and metrics
    from the totals, which are finish's inputs of the same names.
    """

    name: str
    source: str
    imports: tuple[str, ...]
    functions: tuple[str, ...]
    data: str
    variables: Mapping[str, str]
    epochs: int
    batch: int
    seed: int
    train: Graph
    evaluate: Graph
    finish: Graph
    order: str = "np.random.default_rng((SEED, epoch)).permutation(samples)"
    steps: int | None = None
    averages: Mapping[str, str] = field(default_factory=dict[str, str])
    evaluation_batch: int = 512


def script(recipe: Recipe) -> str:
    """The text, in the order in which the lecture tells it; running it trains."""
    finish = plan(recipe.finish, 1)
    # Results and arguments pair off by their names.
    figures = [result.name for result in finish.returns]
    step = _returning(plan(recipe.train, recipe.batch), figures)
    measure = _returning(plan(recipe.evaluate, recipe.evaluation_batch), _feeds(finish))
    network = [
        _function(step, "step", f"One step of training on n samples, at most {recipe.batch}.", "n"),
        _function(measure, "measure", "Sums over n samples, which loss and metrics follow from.", "n"),
        _function(finish, "finish", "Loss and metrics, from the sums over all samples.", ""),
    ]
    arena = max(planned.arena_bytes for planned in (step, measure, finish))
    training = (_initialise(recipe), _evaluate(recipe, measure), _main(recipe, step, figures, arena))
    blocks = (
        _head(recipe),
        *_titled("The data, and what parameters start from", recipe.functions),
        *_titled("Operations that are more than one NumPy call", kernels_of(*recipe.functions, *network)),
        *_titled("The network", network),
        *_titled("The training", training),
        'if __name__ == "__main__":\n    main()',
    )
    return "\n\n\n".join(block.strip("\n") for block in blocks) + "\n"


def _function(planned: Plan, name: str, about: str, batch: str) -> str:
    return emit_function(planned, name, about, KERNELS, batch).source


def _returning(planned: Plan, names: Iterable[str]) -> Plan:
    """The plan with these results, in this order."""
    by_name = {result.name: (result, id) for result, id in planned.returns.items()}
    return replace(planned, returns=dict(by_name[name] for name in names))


def _feeds(planned: Plan) -> list[str]:
    return [leaf.name for leaf in planned.leaves("input", "column")]


def _titled(title: str, texts: Sequence[str]) -> list[str]:
    return [f"# {title}\n# {'-' * len(title)}\n\n\n{texts[0].strip()}", *texts[1:]] if texts else []


def _head(recipe: Recipe) -> str:
    listing = "\n".join(f"    {line}".rstrip() for line in recipe.source.strip("\n").splitlines())
    listing = listing.replace("\\", "\\\\").replace('"""', '\\"\\"\\"')
    script = f"{PurePath(recipe.name).stem}.py"
    length = (
        f"STEPS, BATCH, SEED = {recipe.steps}" if recipe.steps else f"EPOCHS, BATCH, SEED = {recipe.epochs}"
    )
    return f'''"""{recipe.name} as a NumPy program: all of the training, in seven steps.

Written by netc. To run it: python {script}

{listing}
"""

{"".join(f"{line}{chr(10)}" for line in sorted(recipe.imports))}{chr(10) if recipe.imports else ""}{IMPORT}
{length}, {recipe.batch}, {recipe.seed}
'''


def _initialise(recipe: Recipe) -> str:
    lines = "\n".join(f'        "{name}": {value},' for name, value in recipe.variables.items())
    return f'''def initialise({_train_if_read(recipe)}):
    """Parameters and states by name, as they are before the first step."""
    return {{
{lines}
    }}'''


def _train_if_read(recipe: Recipe) -> str:
    return "train" if any(re.search(r"\btrain\b", value) for value in recipe.variables.values()) else ""


def _call(planned: Plan, columns: Mapping[str, str], counters: Mapping[str, str]) -> str:
    """The arguments of a function: arrays, then counters."""
    return ", ".join([columns[name] for name in _feeds(planned)] + [counters[c] for c in arguments(planned)])


def _taken(planned: Plan, split: str, rows: str, names: Names) -> tuple[dict[str, str], str]:
    """The variables that hold the columns of a batch, and the statements that take them from a split."""
    columns = {name: names.take(name) for name in _feeds(planned)}
    return columns, "".join(f'        {v} = {split}["{name}"][{rows}]\n' for name, v in columns.items())


def _evaluate(recipe: Recipe, measure: Plan) -> str:
    columns, taken = _taken(measure, "split", "first : first + n", Names(_RESERVED))
    counters = {
        "step": "0",
        "steps": "1",
        "seed": "SEED",
        "epoch": "0",
        "rows": "np.arange(first, first + n)",
    }
    sums = f"measure({_call(measure, columns, counters)})"
    sums = sums if len(measure.returns) != 1 else f"({sums},)"
    size = recipe.evaluation_batch
    return f'''def evaluate(P, arena, split):
    """Loss and metrics over a whole split, {size} samples at a time."""
    samples = len(next(iter(split.values())))
    totals = [np.float64(0)] * {len(measure.returns)}
    for first in range(0, samples, {size}):
        n = min({size}, samples - first)
        measure = make_measure(P, arena, n)
{taken}        sums = {sums}
        totals = [total + part for total, part in zip(totals, sums)]
    return make_finish(P, arena)(*totals)'''


def _main(recipe: Recipe, step: Plan, figures: Sequence[str], arena: int) -> str:
    names = Names(_RESERVED)
    columns, taken = _taken(step, "train", "some", names)
    taken = "".join(f"    {line}\n" for line in taken.splitlines())
    values = ", ".join(names.take(figure) for figure in figures)
    counters = {"step": "t", "steps": "steps", "seed": "SEED", "epoch": "epoch", "rows": "some"}
    call = _call(step, columns, counters)
    steps = "STEPS" if recipe.steps else "EPOCHS * -(-samples // BATCH)"
    pairs = "".join(f'        "{name}": P["{average}"],\n' for name, average in recipe.averages.items())
    averages = "    # running averages evaluate in the place of parameters\n"
    averages += f"    A = {{\n        **P,\n{pairs}    }}\n"
    loop = "    for epoch in range(1, EPOCHS + 1):  # 6. repeat: epoch after epoch,"
    stop = ""
    if recipe.steps:
        loop = "    epoch = 0\n    while t < STEPS:  # 6. repeat: epoch after epoch,\n        epoch += 1"
        stop = "            if t == STEPS:\n                break\n"
    return f'''def shown(values):
    """The figures of a split, each with its name."""
    names = {tuple(figures)!r}
    return " ".join(f"{{name}} {{value:.4f}}" for name, value in zip(names, np.atleast_1d(values)))


def main():
    np.seterr(all="ignore")  # an overflow shows in the loss
    data = {recipe.data}
    train = data["train"]
    samples = len(next(iter(train.values())))
    P = initialise({_train_if_read(recipe)})  # 1. initialise
{averages if pairs else ""}    arena = np.empty({arena}, np.uint8)
    step_of = {{n: make_step(P, arena, n) for n in (BATCH, samples % BATCH) if n}}
    t, steps = 0, {steps}
{loop}
        rows = {recipe.order}
        totals, seen = 0, 0
        for first in range(0, samples, BATCH):  # and batch after batch
            # 2. take a batch and predict, 3. the loss, 4. the gradients, 5. the step
            some = rows[first : first + BATCH]
{taken}            {values} = step_of[len(some)]({call})
            totals = totals + len(some) * np.array([{values}], np.float64)
            seen += len(some)
            t += 1
{stop}        line = f"epoch {{epoch}}  train {{shown(totals / seen)}}"
        for name in ("valid", "test"):
            if name in data:
                line += f"  {{name}} {{shown(evaluate({"A" if pairs else "P"}, arena, data[name]))}}"
        print(line)
    # 7. stop'''
