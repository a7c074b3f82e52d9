from __future__ import annotations

import ctypes
import math
import mmap
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import llvmlite.binding as llvm
import pytest

from netc.compiler.diagnostics import InternalError
from netc.compiler.emit.native.isa import AMX, AVX512
from netc.grammar.store import Store
from netc.runtime.native import jit
from netc.runtime.native.jit import Machine, host, load

STATUS = Path("/proc/self/statm")

TWICE = """
define double @run(double %x) {
  %y = fadd double %x, %x
  ret double %y
}
"""


def resident() -> int:
    """Bytes of memory that this process holds."""
    return int(STATUS.read_text().split()[1]) * mmap.PAGESIZE


def called(address: int, *arguments: float) -> float:
    kinds = [ctypes.c_double] * len(arguments)
    return ctypes.CFUNCTYPE(ctypes.c_double, *kinds)(address)(*arguments)


def c_library(name: str) -> str:
    return f"""
declare float @{name}(float)
define double @run(double %x) {{
  %narrow = fptrunc double %x to float
  %y = call float @{name}(float %narrow)
  %wide = fpext float %y to double
  ret double %wide
}}
"""


def test_it_runs():
    assert called(load(TWICE, None).address("run"), 1.25) == 2.5


def test_several_functions():
    text = TWICE + TWICE.replace("@run", "@again").replace("fadd", "fmul")
    code = load(text, None, ("run", "again"))
    assert called(code.address("run"), 3) == 6
    assert called(code.address("again"), 3) == 9


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("sinf", math.sin(0.7)),
        ("tanf", math.tan(0.7)),
        ("erff", math.erf(0.7)),
        ("lgammaf", math.lgamma(0.7)),
        ("expm1f", math.expm1(0.7)),
    ],
)
def test_the_c_library_is_there(name: str, value: float):
    assert called(load(c_library(name), None).address("run"), 0.7) == pytest.approx(value, rel=1e-6)


def test_vectors_of_functions_that_the_machine_has_not():
    text = """
declare <16 x float> @llvm.sin.v16f32(<16 x float>)
define void @run(ptr %p) {
  %x = load <16 x float>, ptr %p, align 4
  %y = call <16 x float> @llvm.sin.v16f32(<16 x float> %x)
  store <16 x float> %y, ptr %p, align 4
  ret void
}
"""
    code = load(text, None)
    values = (ctypes.c_float * 16)(*range(16))
    ctypes.CFUNCTYPE(None, ctypes.c_void_p)(code.address("run"))(ctypes.addressof(values))
    assert list(values) == pytest.approx([math.sin(i) for i in range(16)], rel=1e-6)


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ("%y = fadd double %x, %z\n ret double %y", "@wrong.*undefined value '%z'"),
        ("%y = fadd double %x, 1.0\n ret float %y", "@wrong.*defined with type 'double'"),
        (
            "%c = fcmp ogt double %x, 0.0\n br i1 %c, label %a, label %b\n"
            "a:\n %y = fadd double %x, 1.0\n br label %b\n"
            "b:\n ret double %y",
            "@wrong.*does not dominate",
        ),
    ],
)
def test_a_wrong_function_is_named(wrong: str, said: str):
    text = f"{TWICE}\ndefine double @wrong(double %x) {{\n{wrong}\n}}\n{TWICE.replace('@run', '@right')}"
    with pytest.raises(InternalError, match=f"(?s){said}"):
        load(text, None)


def test_a_function_that_is_nowhere():
    with pytest.raises(InternalError, match="cannot be linked"):
        load(c_library("no_such_function"), None)


@pytest.mark.skipif(not STATUS.exists(), reason="needs Linux's /proc")
@pytest.mark.parametrize("closed", [True, False])
def test_the_memory_goes_with_the_code(closed: bool):
    size = 8 << 20
    text = f"@table = internal global [{size} x i8] zeroinitializer\n" + TWICE.replace(
        "%y =", "store volatile i8 1, ptr @table\n %y ="
    )

    def use() -> None:
        code = load(text, None)
        called(code.address("run"), 1)
        if closed:
            code.close()

    use()
    before = resident()
    for _ in range(10):
        use()
    assert resident() - before < 2 * size


def test_closed_code_has_no_addresses():
    with load(TWICE, None) as code:
        code.address("run")
    with pytest.raises(ValueError, match="freed"):
        code.address("run")
    code.close()  # twice does no harm


def test_code_may_live_until_the_interpreter_ends():
    script = f"from netc.runtime.native.jit import load\ncode = load('''{TWICE}''', None)\nprint('done')"
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "done\n", "")


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Store:
    monkeypatch.setenv("NETC_CACHE", str(tmp_path))
    return Store("native")


def test_what_is_compiled_is_kept(store: Store):
    others = Store("others")
    load(TWICE, store)
    load(TWICE.replace("fadd", "fmul"), others)
    (kept,), (other,) = store.entries(), others.entries()
    kept.path.write_bytes(other.path.read_bytes())
    # The file's code, that of another text, is the one that runs: nothing was compiled.
    assert called(load(TWICE, store).address("run"), 3) == 9


def test_the_key_knows_the_text(store: Store):
    load(TWICE, store)
    load(TWICE.replace("fadd", "fmul"), store)
    assert len(store.entries()) == 2


@pytest.mark.parametrize("other", [{"cpu": "other"}, {"features": "+sse2"}, {"llvm": "1.0.0"}])
def test_the_key_knows_the_machine(store: Store, monkeypatch: pytest.MonkeyPatch, other: dict[str, str]):
    load(TWICE, store)
    changed = replace(host(), **other)
    monkeypatch.setattr("netc.runtime.native.jit.host", lambda: changed)
    load(TWICE, store)
    assert len(store.entries()) == 2


def test_a_damaged_entry_is_compiled_anew(store: Store, caplog: pytest.LogCaptureFixture):
    load(TWICE, store)
    (entry,) = store.entries()
    good = entry.path.read_bytes()
    entry.path.write_bytes(good[: len(good) // 2])
    assert called(load(TWICE, store).address("run"), 4) == 8
    assert entry.path.read_bytes() == good
    assert "damaged" in caplog.text


def test_the_machine():
    machine = host()
    assert machine.triple
    assert machine.cpu
    assert Machine("", "", "+avx2,-avx512f,+fma,+sse2", "").isa.lanes == 8


def test_without_the_systems_leave_there_is_no_matrix_unit(monkeypatch: pytest.MonkeyPatch) -> None:
    features = llvm.FeatureMap({"avx512f": True, "fma": True, "amx-tile": True, "amx-bf16": True})
    monkeypatch.setattr(llvm, "get_host_cpu_features", lambda: llvm.FeatureMap(features))
    for allowed in (True, False):
        monkeypatch.setattr(jit, "_may_use_tiles", lambda allowed=allowed: allowed)
        assert jit.host.__wrapped__().isa == (AMX if allowed else AVX512)
