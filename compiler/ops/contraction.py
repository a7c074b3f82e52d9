"""Products summed over shared axes: matrix products and einsum."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..ir import Dim, TensorType, product
from .op import Draw, Op, Sample, ShapeError, define

if TYPE_CHECKING:
    from ..build import Value


def _matmul_type(a: TensorType, b: TensorType) -> TensorType:
    """a[…, m, k] @ b[…, k, n]: the leading axes broadcast."""
    title = "cannot multiply {0} by {1}"
    for position, t in enumerate((a, b)):
        if t.rank < 2:
            kind = "a vector" if t.rank else "a scalar"
            mend = (
                "write dot(a, b), or give it a second axis with reshape" if t.rank else "write * instead of @"
            )
            raise ShapeError(title, f"{{{position}}} is {kind}, and @ takes matrices", help=mend)
    if a.shape[-1] != b.shape[-2]:
        axes = ((0, a.rank - 1), (1, b.rank - 2))
        raise ShapeError(title, f"{a.shape[-1]} is not {b.shape[-2]}", axes)
    lead: list[Dim] = []
    for i in range(3, max(a.rank, b.rank) + 1):
        p = a.shape[-i] if i <= a.rank else 1
        q = b.shape[-i] if i <= b.rank else 1
        if p != q and p != 1 and q != 1:
            raise ShapeError(
                title, f"{p} is not {q}, before the matrices", ((0, a.rank - i), (1, b.rank - i))
            )
        lead.insert(0, q if p == 1 else p)
    return a.with_shape((*lead, a.shape[-2], b.shape[-1]))


def _matmul_vjp(g: Value, y: Value, a: Value, b: Value) -> tuple[Value, Value]:
    if len(b.shape) == 2:
        # The leading axes are rows like the others: one product of two matrices, and no sum over them.
        rows = product(a.shape[:-1])
        return g @ b.T, a.reshape((rows, a.shape[-1])).T @ g.reshape((rows, g.shape[-1]))
    return (g @ b.T).sum_to(a.shape), (a.T @ g).sum_to(b.shape)


matmul = define(
    Op(
        "matmul",
        "contraction",
        infer=_matmul_type,
        vjp=_matmul_vjp,
        math="{0} @ {1}",
        numpy="np.matmul({0}, {1}, out={out})",
        promotion="arithmetic",
        samples=(
            Sample((Draw((2, 3)), Draw((3, 4)))),
            Sample((Draw((5, 2, 3)), Draw((3, 4)))),
            Sample((Draw((2, 3)), Draw((5, 3, 4)))),
            Sample((Draw((5, 1, 2, 3)), Draw((6, 3, 4)))),
        ),
    )
)


def letters_of(spec: str) -> tuple[list[str], str]:
    """The letters of an einsum's operands, and those of its result."""
    left, _, right = spec.replace(" ", "").partition("->")
    return left.split(","), right


def _terms(spec: str, count: int) -> tuple[list[str], str]:
    """The same. Raises ShapeError where they do not fit."""
    title = f'"{spec}" is not an einsum that can be compiled'
    terms, right = letters_of(spec)
    left = ",".join(terms)
    if "..." in spec:
        raise ShapeError(title, "... has no letters", help="write a letter for each axis")
    if "->" not in spec.replace(" ", ""):
        letters = sorted(letter for letter in set(left) - {","} if left.count(letter) == 1)
        raise ShapeError(title, "the result is missing", help=f'write "{spec}->{"".join(letters)}"')
    for letter in left.replace(",", "") + right:
        if not letter.isalpha():
            raise ShapeError(title, f"{letter!r} is not a letter")
        if letter not in left:
            raise ShapeError(title, f"{letter} is in the result, but in no operand")
    for term in (*terms, right):
        for letter in term:
            if term.count(letter) > 1:
                mend = "select a diagonal by multiplying with a mask" if term is not right else ""
                raise ShapeError(title, f"{letter} stands twice in {term}", help=mend)
    if len(terms) != count:
        raise ShapeError(title, f"it names {len(terms)} operands, and {count} are given")
    return terms, right


def _einsum_type(*operands: TensorType, spec: str) -> TensorType:
    terms, result = _terms(spec, len(operands))
    seen: dict[str, tuple[int, int]] = {}
    for i, (term, t) in enumerate(zip(terms, operands, strict=True)):
        if len(term) != t.rank:
            label = f"{term or 'no letter'} for {t.rank} axes"
            raise ShapeError(f'"{spec}" does not fit {{{i}}}', label, help="write a letter for each axis")
        for axis, letter in enumerate(term):
            first, place = seen.setdefault(letter, (i, axis))
            if operands[first].shape[place] != t.shape[axis]:
                label = f"{letter} is {operands[first].shape[place]} and {t.shape[axis]}"
                raise ShapeError(
                    f'"{spec}" does not fit {{{first}}} and {{{i}}}', label, ((first, place), (i, axis))
                )
    sizes = {letter: operands[i].shape[axis] for letter, (i, axis) in seen.items()}
    return operands[0].with_shape([sizes[letter] for letter in result])


def _einsum_vjp(g: Value, y: Value, *operands: Value, spec: str) -> tuple[Value, ...]:
    """For each operand the einsum of g and the others, repeated along the axes that it alone has."""
    terms, result = _terms(spec, len(operands))
    shares: list[Value] = []
    for i, (term, operand) in enumerate(zip(terms, operands, strict=True)):
        others = [t for j, t in enumerate(terms) if j != i]
        known = {letter for t in (result, *others) for letter in t}
        kept = "".join(letter for letter in term if letter in known)
        rest = [v for j, v in enumerate(operands) if j != i]
        spec = f"{','.join([result, *others])}->{kept}"
        share = g.op("einsum", *rest, spec=spec) if rest or kept != result else g
        ones = [d if letter in known else 1 for letter, d in zip(term, operand.shape, strict=True)]
        shares.append(share.reshape(ones).broadcast(operand.shape))
    return tuple(shares)


einsum = define(
    Op(
        "einsum",
        "contraction",
        infer=_einsum_type,
        vjp=_einsum_vjp,
        math='einsum("{spec}", {operands})',
        numpy="einsum({spec!r}, {operands}, out={out})",
        promotion="arithmetic",
        samples=(
            Sample((Draw((2, 3, 4)), Draw((2, 4, 5))), {"spec": "nij,njk->nik"}),
            Sample((Draw((3,)), Draw((4,))), {"spec": "i,j->ji"}),
            Sample((Draw((2, 3)), Draw((3, 4)), Draw((4, 5))), {"spec": "ij,jk,kl->li"}),
            Sample((Draw((2, 3)), Draw((4,))), {"spec": "ij,k->k"}),
            Sample((Draw((2, 3)),), {"spec": "ij->"}),
        ),
    )
)
