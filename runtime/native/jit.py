"""Makes machine code of LLVM's intermediate representation, in memory.

Importing this module loads LLVM: import it where code is to be run.
"""

from __future__ import annotations

import ctypes
import re
import sys
from dataclasses import dataclass
from functools import cache
from itertools import count
from types import TracebackType
from typing import Any, Self

import llvmlite.binding as llvm

from ...compiler.diagnostics import InternalError
from ...compiler.emit.native.isa import Isa, isa_of
from ...grammar.store import Store

# The kernels come with their vectors, tiles and unrolling: what remains is to keep values in registers and to
# fold the arithmetic of addresses. More passes (O2) take up to ten times as long and make no step faster.
PASSES = ("sroa", "instruction_combine", "simplify_cfg")
_SCHEDULING = 2  # of the code generator: 0 to 3

_loaded = count(1)


@dataclass(frozen=True, slots=True)
class Machine:
    """What machine code depends on.

    features: as LLVM writes them, such as "+avx2,-avx512f"; llvm: its version.
    """

    triple: str
    cpu: str
    features: str
    llvm: str

    @property
    def isa(self) -> Isa:
        return isa_of([name[1:] for name in self.features.split(",") if name.startswith("+")])


@cache
def host() -> Machine:
    """The machine that this runs on, with what the system lets this process use of it."""
    features = llvm.get_host_cpu_features()
    if features.get("amx-tile") and not _may_use_tiles():
        features.update({name: False for name in features if name.startswith("amx-")})
    return Machine(
        llvm.get_process_triple(),
        llvm.get_host_cpu_name(),
        features.flatten(),
        ".".join(map(str, llvm.llvm_version_info)),
    )


def _may_use_tiles() -> bool:
    """Ask Linux for the registers of the matrix unit, which a process has only if it wants them.

    Source: Linux kernel documentation, "Using XSTATE features in user space applications".
    """
    arch_prctl, request, tiles = 158, 0x1023, 18
    call = getattr(ctypes.CDLL(None), "syscall", None) if sys.platform == "linux" else None
    return call is not None and call(arch_prctl, request, tiles) == 0


class Code:
    """Machine code in memory, until it is closed or nothing holds it any more.

    Whoever calls it by its address keeps this object.
    """

    def __init__(self, library: Any) -> None:
        self._library = library

    def address(self, name: str) -> int:
        """Where a function begins. Raises KeyError if it was not exported, ValueError once it is freed."""
        if self._library.closed:
            raise ValueError("the machine code is freed")
        return self._library[name]

    def close(self) -> None:
        """Free the memory; the addresses are void from then on."""
        self._library.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


def load(text: str, cache: Store | None, exports: tuple[str, ...] = ("run",)) -> Code:
    """The machine code of a text in LLVM's intermediate representation, for this machine.

    exports: the functions whose addresses are wanted. Functions that are only declared are those of the C
    library. cache: where what is compiled is kept, and looked for. Raises InternalError, which names the
    function, where the text is wrong.
    """
    if cache is None:
        return _link(_compile(text), exports)
    machine = host()
    settings = (machine.triple, machine.cpu, machine.features, machine.llvm, *PASSES, str(_SCHEDULING))
    return _link(cache.kept("\n".join((*settings, text)), lambda: _compile(text)), exports)


def _compile(text: str) -> bytes:
    """An object file."""
    target = _target()
    module = _parse(text)
    builder = llvm.create_pass_builder(target, llvm.create_pipeline_tuning_options())
    passes: Any = llvm.create_new_function_pass_manager()
    for name in PASSES:
        getattr(passes, f"add_{name}_pass")()
    for function in module.functions:
        if not function.is_declaration:
            passes.run(function, builder)
    return target.emit_object(module)


def _parse(text: str) -> Any:
    """The verified module, in a context of its own: what LLVM keeps in its global one is never freed."""
    try:
        module = llvm.parse_assembly(text, llvm.create_context())
    except RuntimeError as error:
        place = re.search(r"<string>:(\d+):", str(error))
        lines = text.splitlines()[: int(place[1]) if place else 0]
        heads = [line for line in lines if line.startswith("define")]
        raise InternalError(f"native code: {_named(heads[-1] if heads else '')}: {error}") from None
    try:
        module.verify()
    except RuntimeError as error:
        shown = [line for line in str(error).splitlines() if line.startswith("  ")]
        wrong = [str(function) for function in module.functions if shown and shown[0] in str(function)]
        raise InternalError(f"native code: {_named(wrong[0] if wrong else '')}: {error}") from None
    return module


def _named(function: str) -> str:
    """The name in the text of a function."""
    name = re.search(r"@[\w.$-]+", function)
    return name[0] if name else "outside the functions"


def _link(code: bytes, exports: tuple[str, ...]) -> Code:
    builder = llvm.JITLibraryBuilder().add_object_img(code).add_current_process()
    for name in exports:
        builder.export_symbol(name)
    try:
        return Code(builder.link(_linker(), f"program{next(_loaded)}"))
    except RuntimeError as error:
        raise InternalError(f"native code: it cannot be linked: {error}") from None


@cache
def _target() -> Any:
    llvm.initialize_native_target()
    llvm.initialize_native_asmprinter()
    machine = host()
    return llvm.Target.from_triple(machine.triple).create_target_machine(
        machine.cpu, machine.features, opt=_SCHEDULING, reloc="pic", codemodel="small", jit=True
    )


@cache
def _linker() -> Any:
    # JITLink lays a module's code and constants side by side, which the small code model needs.
    return llvm.create_lljit_compiler(_target(), use_jit_link=True)
