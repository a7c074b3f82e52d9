import pytest

from netc.compiler.emit.native.isa import AMX, AVX2, AVX512, NEON, SCALAR, SSE, Isa, isa_of

# What LLVM says of some processors, in part.
ZEN_4 = ("64bit", "avx", "avx2", "avx512f", "avx512vl", "fma", "sse2")
SAPPHIRE_RAPIDS = (*ZEN_4, "amx-bf16", "amx-int8", "amx-tile")
HASWELL = ("64bit", "avx", "avx2", "fma", "sse2")
SANDY_BRIDGE = ("64bit", "avx", "sse2")
APPLE_M1 = ("aes", "fp-armv8", "neon")


@pytest.mark.parametrize(
    ("features", "isa"),
    [
        (SAPPHIRE_RAPIDS, AMX),
        (ZEN_4, AVX512),
        (HASWELL, AVX2),
        (SANDY_BRIDGE, SSE),
        (APPLE_M1, NEON),
        ((), SCALAR),
    ],
)
def test_the_widest_is_taken(features: tuple[str, ...], isa: Isa):
    assert isa_of(features) is isa
