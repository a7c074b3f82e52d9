"""Programs for other instruction sets than this machine's widest.

They are texts for LLVM: those for other widths of vectors run here too, and the others can be compiled.
"""

from __future__ import annotations

import llvmlite.binding as llvm
import pytest

from netc.compiler.emit.native import build
from netc.compiler.emit.native.isa import AVX2, AVX512, NEON, SCALAR, SSE, Isa

from .running import assert_close, by_native, by_numpy
from .test_padding import drawn, graph

TRIPLES = {
    AVX512: ("x86_64-unknown-linux-gnu", "skylake-avx512"),
    AVX2: ("x86_64-unknown-linux-gnu", "haswell"),
    SSE: ("x86_64-apple-darwin", "x86-64"),
    NEON: ("aarch64-unknown-linux-gnu", "cortex-a72"),
    SCALAR: ("riscv64-unknown-linux-gnu", "generic-rv64"),
}


@pytest.mark.parametrize("isa", [AVX512, AVX2, SSE], ids=lambda isa: isa.name)
@pytest.mark.parametrize("n", [5, 19])
def test_the_numbers_are_the_same(isa: Isa, n: int) -> None:
    arrays = drawn(n)
    found, wanted = by_native(graph(), n, arrays, isa), by_numpy(graph(), n, arrays)
    for result, value in wanted.items():
        assert_close(found[result], value, result.name, 64)


@pytest.mark.parametrize("isa", TRIPLES, ids=lambda isa: isa.name)
def test_they_compile(isa: Isa) -> None:
    llvm.initialize_all_targets()
    llvm.initialize_all_asmprinters()
    program = build(graph(), 5, isa)
    module = llvm.parse_assembly(program.text, llvm.create_context())
    module.verify()
    triple, cpu = TRIPLES[isa]
    machine = llvm.Target.from_triple(triple).create_target_machine(cpu)
    assert machine.emit_object(module)
