"""A data set of several times the memory limit against the same set held in memory: seconds of an epoch.

    python bench/streaming.py [GIGABYTES [LIMIT [PAIRS]]]      (4, 1 and 5 where nothing is said)

The streaming process may not have more address space (ulimit -v) than LIMIT; the other has what it asks for.
The set is written to the folder of temporary files first, and so lies in the page cache if there is room.
The two run in turn, PAIRS times, each in a process of its own; the figures are medians. The processor's
seconds tell what the reading costs even on a machine that is busy with something else.
"""

import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))

SPEC = """
input x[N, 3072]
input y[N] : class(10)
logits = x -> dense({width}) -> relu -> dense(10)
loss cross_entropy(logits, y)
data npz("{folder}") {{ x = x / 255, y = y }}
train sgd(lr = 0.01) {{ epochs = 1, batch = 128 }}
"""
WIDTHS = {"small": 16, "large": 256}


def write(folder: Path, size: float) -> int:
    """Write samples of 3072 random bytes; gives their number."""
    samples, random = int(size * 1e9) // 3072, np.random.default_rng(0)
    np.save(folder / "y.npy", random.integers(0, 10, samples, np.uint8))
    x = np.lib.format.open_memmap(folder / "x.npy", "w+", np.uint8, (samples, 3072))
    noise = random.integers(0, 256, (1 << 16, 3072), np.uint8)
    for begin in range(0, samples, len(noise)):
        x[begin : begin + len(noise)] = noise[: samples - begin]
    return samples


def train(folder: str, held: bool, width: int) -> None:
    """Train an epoch; print its seconds, those of the processor, and the most memory that was used."""
    import netc
    from netc.runtime.data import lazy
    from netc.runtime.opening import open_data

    if held:
        lazy.HELD_BYTES = 1 << 40
    model = netc.compile(text=SPEC.format(folder=folder, width=width), device="cpu")
    began = time.perf_counter()
    data = open_data(model.compiled.network, model.base, model.seed)
    opened = time.perf_counter()
    before = time.process_time()
    history = model.fit(data=data)
    cpu = time.process_time() - before
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    seconds = history.epochs[0].seconds
    print(json.dumps({"open": opened - began, "epoch": seconds, "cpu": cpu, "peak": peak}))


def measure(folder: str, held: bool, width: int, limit: float | None) -> dict[str, float]:
    def bound() -> None:
        if limit is not None:
            resource.setrlimit(resource.RLIMIT_AS, (int(limit * 1e9),) * 2)

    command = [sys.executable, __file__, "--train", folder, str(int(held)), str(width)]
    done = subprocess.run(command, preexec_fn=bound, check=True, stdout=subprocess.PIPE, text=True)
    return json.loads(done.stdout)


def median(runs: list[dict[str, float]]) -> dict[str, float]:
    return {what: statistics.median(run[what] for run in runs) for what in runs[0]}


def main(size: float = 4.0, limit: float = 1.0, pairs: float = 5) -> None:
    with tempfile.TemporaryDirectory() as folder:
        samples = write(Path(folder), size)
        print(f"{samples} samples, {size:g} GB; limit {limit:g} GB")
        for name, width in WIDTHS.items():
            # In turn: whatever else the machine does befalls both.
            runs = [
                (measure(folder, False, width, limit), measure(folder, True, width, None))
                for _ in range(int(pairs))
            ]
            ahead, memory = (median(list(kind)) for kind in zip(*runs, strict=True))
            print(f"{name} network")
            for title, found in (("streamed ", ahead), ("in memory", memory)):
                used = f"{found['cpu']:6.2f} s of the processor, {found['peak'] / 1e9:.2f} GB"
                print(f"  {title}  {found['epoch']:6.2f} s, {used}, opened in {found['open']:.2f} s")
            of_time, of_cpu = (ahead[what] / memory[what] for what in ("epoch", "cpu"))
            print(f"  ratio      {of_time:6.2f}   {of_cpu:6.2f}")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--train"]:
        train(sys.argv[2], bool(int(sys.argv[3])), int(sys.argv[4]))
    else:
        main(*map(float, sys.argv[1:3]))
