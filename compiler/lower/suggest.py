"""What a name that nobody knows may have been meant to be."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from difflib import get_close_matches

from .. import ast
from ..diagnostics import Span

# What other frameworks call these things.
_SYNONYMS = {
    "linear": "dense", "fullyconnected": "dense", "fc": "dense", "convolution2d": "conv", "conv2d": "conv",
    "batchnorm1d": "batchnorm", "batchnorm2d": "batchnorm", "batchnormalization": "batchnorm",
    "layernormalization": "layernorm", "maxpool2d": "maxpool", "maxpooling2d": "maxpool",
    "avgpool2d": "avgpool", "averagepooling2d": "avgpool", "globalaveragepooling2d": "globalmean",
    "crossentropyloss": "cross_entropy", "categoricalcrossentropy": "cross_entropy", "nll": "cross_entropy",
    "sparsecategoricalcrossentropy": "cross_entropy", "bceloss": "binary_cross_entropy",
    "bce": "binary_cross_entropy", "meansquarederror": "mse", "meanabsoluteerror": "mae",
    "multiheadattention": "attention", "swish": "silu", "ln": "log",
    "dim": "axis", "axes": "axis", "dims": "axis", "keepdim": "keep", "keepdims": "keep", "padding": "pad",
    "strides": "stride", "filters": "channels", "outchannels": "channels", "kernelsize": "kernel",
    "units": "width", "features": "width", "outfeatures": "width", "size": "width", "useb": "bias",
    "learningrate": "lr", "rate": "lr", "alpha": "lr", "eta": "lr", "decay": "weight_decay",
    "numheads": "heads", "nheads": "heads", "p": "rate", "numepochs": "epochs", "maxepochs": "epochs",
    "batchsize": "batch", "iterations": "steps", "maxsteps": "steps", "earlystopping": "stop",
    "gradclip": "clip", "clipnorm": "clip", "scheduler": "schedule", "lrschedule": "schedule",
    "validation": "valid", "validationsplit": "valid", "val": "valid", "dtype": "precision",
    "xavier": "glorot", "xavieruniform": "glorot", "xaviernormal": "glorot_normal", "kaiming": "he",
    "kaiminguniform": "he", "kaimingnormal": "he_normal", "gaussian": "normal", "randn": "normal",
    "labels": "label", "target": "label", "targets": "label", "images": "image", "sigma": "std",
}  # fmt: skip


def nearest(name: str, known: Iterable[str]) -> str:
    """A question after the known name that a misspelt or foreign one stands for, or nothing."""
    found = near(name, known)
    return f"did you mean {found}?" if found else ""


def near(name: str, known: Iterable[str]) -> str:
    """The known name that a misspelt or foreign one stands for, or nothing."""
    names = list(dict.fromkeys(known))
    plain = _plain(name)
    same = [k for k in names if _plain(k) == plain] or [k for k in names if k == _SYNONYMS.get(plain)]
    turned = same or [k for k in names if sorted(k.lower()) == sorted(name.lower())]
    found = turned or get_close_matches(name, names, 1, 0.6) or _of_small(name, names)
    return found[0] if found else ""


def _plain(name: str) -> str:
    return name.lower().replace("_", "")


def _of_small(name: str, names: Sequence[str]) -> list[str]:
    """Near in spelling when the case is left out."""
    small = {k.lower(): k for k in names}
    return [small[k] for k in get_close_matches(name.lower(), list(small), 1, 0.6)]


def bound_elsewhere(module: ast.Module, name: str, here: Span, inside: str) -> tuple[str, str]:
    """Where in the file an unknown name is bound, and what to do about it; empty if it is nowhere.

    inside: what the name is read in, "layer" or "optimizer"; empty at the top of the file.
    """
    for span, text, where in _bindings(module.items, ""):
        if text != name or span.source is not here.source or span == here:
            continue
        place = f"on line {span.line}"
        if where.startswith("layer"):
            if not inside:
                return f"`{name}` is bound {place}, inside {where} alone", "let the layer return it"
            continue
        if where == "counter":
            return f"`{name}` counts the turns of the repeat {place}, and is known inside it alone", ""
        if where == "turn":
            return f"`{name}` is what one turn of the scan {place} sees, and is known inside it alone", ""
        if inside == "optimizer":
            return f"`{name}` is bound {place}, outside the optimizer", f"bind {name} inside the optimizer"
        if inside == "layer":
            help = f"hand {name} to it as an argument: it sees its formals, bindings and the file's dims"
            return f"a layer does not see `{name}`, which is bound {place}, outside", help
        if span.start > here.start:
            return f"`{name}` is used before it is bound {place}", f"bind {name} before it is used"
    return "", ""


def _bindings(statements: Sequence[ast.Item | ast.Statement], where: str) -> Iterator[tuple[Span, str, str]]:
    for s in statements:
        match s:
            case ast.Binding():
                yield s.span, s.target.name.text, where
            case ast.Declaration():
                yield from ((t.span, t.name.text, where) for t in s.tensors)
            case ast.Input():
                yield s.span, s.tensor.name.text, where
            case ast.DimDef():
                yield s.span, s.name.text, where
            case ast.Repeat():
                if s.counter is not None:
                    yield s.span, s.counter.text, "counter"
                yield from _bindings(s.body, where)
            case ast.Scan():
                yield s.span, s.item.text, "turn"
                yield from ((c.span, c.tensor.name.text, where) for c in s.carries)
                yield from _bindings(s.body, where)
            case ast.If():
                yield from _bindings((*s.body, *s.orelse), where)
            case ast.LayerDef():
                yield from _bindings(s.body, f"layer {s.name.text}")
            case _:
                pass
