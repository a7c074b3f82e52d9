"""A data set of several times the memory limit against the same set held in memory: seconds of an epoch.

    python bench/streaming.py [GIGABYTES [LIMIT]]      (3 and 1 where nothing is said)

The streaming process may not have more address space (ulimit -v) than LIMIT; the other has what it asks for.
The set is written to the folder of temporary files first, and so lies in the page cache if there is room.
"""

import json
import resource
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
    """Train an epoch; print its seconds and the most memory that was used."""
    import netc
    from netc.runtime.data import lazy
    from netc.runtime.opening import open_data

    if held:
        lazy.HELD_BYTES = 1 << 40
    model = netc.compile(text=SPEC.format(folder=folder, width=width), device="cpu")
    began = time.perf_counter()
    data = open_data(model.compiled.network, model.base, model.seed)
    opened = time.perf_counter()
    history = model.fit(data=data)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    seconds = history.epochs[0].seconds
    print(json.dumps({"open": opened - began, "epoch": seconds, "peak": peak}))


def measure(folder: str, held: bool, width: int, limit: float | None) -> dict[str, float]:
    def bound() -> None:
        if limit is not None:
            resource.setrlimit(resource.RLIMIT_AS, (int(limit * 1e9),) * 2)

    command = [sys.executable, __file__, "--train", folder, str(int(held)), str(width)]
    done = subprocess.run(command, preexec_fn=bound, check=True, stdout=subprocess.PIPE, text=True)
    return json.loads(done.stdout)


def main(size: float = 3.0, limit: float = 1.0) -> None:
    with tempfile.TemporaryDirectory() as folder:
        samples = write(Path(folder), size)
        print(f"{samples} samples, {size:g} GB; limit {limit:g} GB")
        for name, width in WIDTHS.items():
            # In turn, and the better of two: whatever else the machine does befalls both.
            runs = [
                (measure(folder, False, width, limit), measure(folder, True, width, None)) for _ in range(2)
            ]
            ahead, memory = (min(kind, key=lambda run: run["epoch"]) for kind in zip(*runs, strict=True))
            print(f"{name} network")
            print(f"  streamed   {ahead['epoch']:6.2f} s, with {ahead['peak'] / 1e9:.2f} GB")
            read = f"after {memory['open']:.2f} s to read them"
            print(f"  in memory  {memory['epoch']:6.2f} s, with {memory['peak'] / 1e9:.2f} GB, {read}")
            print(f"  ratio      {ahead['epoch'] / memory['epoch']:6.2f}")


if __name__ == "__main__":
    if sys.argv[1:2] == ["--train"]:
        train(sys.argv[2], bool(int(sys.argv[3])), int(sys.argv[4]))
    else:
        main(*map(float, sys.argv[1:3]))
