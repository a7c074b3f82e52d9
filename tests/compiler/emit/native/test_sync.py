import llvmlite.binding as llvm
import pytest

from netc.compiler.emit.native.isa import AVX2, AVX512, NEON, SCALAR, SSE, Isa
from netc.compiler.emit.native.sync import barrier, team

TRIPLES = {
    AVX512: "x86_64-unknown-linux-gnu",
    AVX2: "x86_64-unknown-linux-gnu",
    SSE: "x86_64-apple-darwin",
    NEON: "aarch64-unknown-linux-gnu",
    SCALAR: "riscv64-unknown-linux-gnu",
}
HINTS = {AVX512: "pause", AVX2: "pause", SSE: "pause", NEON: "isb", SCALAR: ""}


@pytest.fixture(scope="module", autouse=True)
def targets() -> None:
    llvm.initialize_all_targets()
    llvm.initialize_all_asmprinters()


@pytest.mark.parametrize("isa", TRIPLES, ids=lambda isa: isa.name)
@pytest.mark.parametrize("text", [barrier, team])
def test_it_compiles_for_every_instruction_set(isa: Isa, text: type[str]):
    """Here only one of them can run."""
    module = llvm.parse_assembly(text(isa), llvm.create_context())
    module.verify()
    machine = llvm.Target.from_triple(TRIPLES[isa]).create_target_machine()
    instructions = machine.emit_assembly(module)
    assert "sched_yield" in instructions
    assert HINTS[isa] in instructions
