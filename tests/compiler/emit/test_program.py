import netc.compiler.ops  # noqa: F401  (fills the registry)
from netc.compiler.build import Builder
from netc.compiler.emit.program import Array, build, kernels_of, source_of
from netc.compiler.ir import Graph, N, Result, TensorType


def softmax_of_x():
    g = Graph()
    b = Builder(g)
    x = b.add("input", (), TensorType("float32", (N, 3)), name="x")
    w = b.add("param", (), TensorType("float32", (3,)), name="w")
    b.add("param", (), TensorType("float32", (5,)), name="unused")
    y = (x + w).op("softmax", axis=1)
    g.results |= {Result("output", "y"): y.id, Result("update", "w"): (w * 0.5).id}
    return g


def test_a_program_says_what_it_takes_and_gives():
    program = build(softmax_of_x(), 4, "predict")
    assert program.name == "predict"
    assert program.n == 4
    assert program.feeds == (Array("x", "float32", (4, 3)),)
    assert program.variables == (Array("w", "float32", (3,)),)
    assert program.updated == ("w",)
    assert program.results == (Result("output", "y"),)
    assert program.counters == ()
    assert program.arena_bytes % 64 == 0


def test_only_wanted_results_are_computed():
    program = build(softmax_of_x(), 4, wanted=[Result("output", "y")])
    assert program.updated == ()
    assert "np.multiply" not in program.text.source


def test_numpy_is_the_only_import():
    source = build(softmax_of_x(), 4).text.source
    assert [line for line in source.splitlines() if "import" in line] == ["import numpy as np"]


def test_kernels_come_with_what_they_call_and_once():
    texts = kernels_of("softmax(x)", "log_softmax(x)", "np.softmax(x)")
    names = [text.partition("(")[0].removeprefix("def ") for text in texts]
    assert set(names) == {"scratch", "one_a_row", "softmax", "log_softmax"}
    assert len(names) == 4
    assert names.index("scratch") < names.index("one_a_row") < names.index("softmax")


def test_a_pasted_function_shows_no_types():
    def scaled(x: "list[int]", *rest: int, by: "int | None" = None) -> "list[int]":
        """Scaled."""
        return [v * (by or 1) for v in (*x, *rest)]

    source = source_of(scaled)
    assert source.startswith('def scaled(x, *rest, by=None):\n    """Scaled."""\n')
    namespace = {}
    exec(source, namespace)
    assert namespace["scaled"]([1, 2], 3, by=2) == [2, 4, 6]
