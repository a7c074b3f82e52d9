"""Kill a training at random moments, go on each time, and compare what it ends with, bit for bit.

    python bench/kill.py [KILLS [SEED]]      (200 and 0 where nothing is said)

A training that was killed goes on by --resume until it ends; then its parameters, states and history must be
those of a training that nobody killed, and the next one begins, until there were so many kills. Files are
written far more often than usual, so that many kills hit the writing itself.
"""

import csv
import os
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from itertools import zip_longest
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

SPEC = """
input x[N, 1, 8, 8]
input y[N] : class(10)
h = x -> conv(6, 3, pad = 1) -> batchnorm -> relu -> maxpool(2) -> flatten -> dropout(0.2)
logits = h -> dense(10)
loss   cross_entropy(logits, y)
metric accuracy(logits, y)
data   digits() { x = noise(standardize(image), 0.1), y = label, valid = 10% }
train  adam(lr = 0.01) { epochs = 200, batch = 50, schedule = cosine(warmup = 20), clip = 5, seed = 4 }
"""


Result = tuple[dict[str, bytes], list[dict[str, str]]]


def start(spec: Path, out: Path, *options: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "netc", "train", str(spec), "--out", str(out), "--device", "cpu"]
    command += ["--save-every", "0.02", "--no-report", *options]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    pipe = subprocess.PIPE
    return subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=pipe, text=True, env=environment)


def ended(process: subprocess.Popen[str]) -> None:
    _, err = process.communicate()
    if process.returncode:
        sys.exit(f"status {process.returncode}: {err}")


def result(out: Path) -> Result:
    """The bits of all parameters and states, last and best, and the history without its times."""
    from netc.runtime.checkpoint import read

    arrays: dict[str, bytes] = {}
    for name in ("last", "best"):
        tensors, _ = read(out / f"{name}.safetensors")
        arrays |= {f"{name} {tensor}": array.tobytes() for tensor, array in tensors.items()}
    with (out / "history.csv").open(newline="") as file:
        rows = [{k: v for k, v in row.items() if k != "seconds"} for row in csv.DictReader(file)]
    return arrays, rows


def differences(found: Result, expected: Result) -> list[str]:
    """Which arrays have other bits, and which epochs other figures."""
    arrays = [name for name, bits in expected[0].items() if found[0].get(name) != bits]
    pairs = zip_longest(found[1], expected[1])
    return [*arrays, *(f"epoch {i}" for i, (one, other) in enumerate(pairs, 1) if one != other)]


def trained(spec: Path, out: Path, dice: random.Random, longest: float, kills: int) -> Counter[str]:
    """Train, killed up to `kills` times, each after at most so many seconds; gives how the kills went."""
    counts: Counter[str] = Counter()
    while True:
        kept = any(out.glob("[!.]*.safetensors"))
        process = start(spec, out, *(["--resume"] if kept else []))
        try:
            process.wait(dice.uniform(0.0, longest) if counts["kills"] < kills else None)
            ended(process)
            return counts
        except subprocess.TimeoutExpired:
            process.kill()
            _, err = process.communicate()
        counts["kills"] += 1
        counts["while a file was written"] += any(out.glob(".*.safetensors.*"))
        counts["without a last.safetensors"] += kept and not (out / "last.safetensors").exists()
        if "Traceback" in err:
            sys.exit(err)
        counts["before the first checkpoint"] += not any(out.glob("[!.]*.safetensors"))


def main() -> None:
    kills = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    dice = random.Random(int(sys.argv[2]) if len(sys.argv) > 2 else 0)
    with tempfile.TemporaryDirectory() as folder:
        spec = Path(folder) / "kill.net"
        spec.write_text(SPEC)
        began = time.perf_counter()
        ended(start(spec, Path(folder) / "whole"))
        seconds = time.perf_counter() - began
        expected = result(Path(folder) / "whole")
        counts: Counter[str] = Counter()
        while counts["kills"] < kills:
            counts["trainings"] += 1
            out = Path(folder) / f"killed{counts['trainings']}"
            counts += trained(spec, out, dice, 0.9 * seconds, kills - counts["kills"])
            if differing := differences(result(out), expected):
                kept = shutil.copytree(folder, tempfile.mkdtemp(), dirs_exist_ok=True)
                sys.exit(f"after {counts['kills']} kills {differing} ended otherwise: {kept}/{out.name}")
        if counts["before the first checkpoint"] == counts["kills"]:
            sys.exit("all kills came before the first checkpoint: make the training longer")
        print(f"{len(expected[0])} tensors are the same, bit for bit:")
        for what, count in counts.items():
            print(f"{count:6} {what}")


if __name__ == "__main__":
    main()
