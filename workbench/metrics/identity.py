"""What tells a metric from others: its options, and all code that it is made of."""

import hashlib
import json
import re
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import fields, is_dataclass
from enum import Enum
from functools import cache, cached_property, partial
from pathlib import Path, PurePath
from types import (
    BuiltinFunctionType,
    CodeType,
    FunctionType,
    GetSetDescriptorType,
    MemberDescriptorType,
    MethodDescriptorType,
    MethodType,
    ModuleType,
    WrapperDescriptorType,
)
from typing import Any

import numpy as np
from numpy.typing import NDArray

from workbench.metrics.base import Metric

_PLAIN = (
    str,
    bytes,
    int,
    float,
    complex,
    type(None),
    type(...),
    PurePath,
    range,
    np.generic,
)
_NAMED = (
    BuiltinFunctionType, MethodDescriptorType, WrapperDescriptorType, GetSetDescriptorType,
    MemberDescriptorType, np.ufunc,
)  # fmt: skip
_KNOWN = sys.stdlib_module_names | {"workbench"}
_OURS = Path(__file__).parent


def digest_of(metric: Metric) -> bytes | None:
    """Return a digest of a metric's code and options, of all but its name in tables.

    Parameters
    ----------
    metric : Metric
        Of this package or one of somebody's own, also from a cell of a notebook.

    Returns
    -------
    bytes, optional
        None where something that the metric is made of cannot be told: an option, or a variable
        that its code names, whose class is an installed package's.

    Notes
    -----
    The code is that of the class and its bases, and of whatever functions, classes and modules of
    one's own they name. Of installed packages only the names count.
    """
    kind, seen = type(metric), _Seen()
    options = metric.__getstate__()
    if is_dataclass(metric):
        options = {each.name: getattr(metric, each.name) for each in fields(metric)}
    options.pop("name", None)
    told = [kind.__module__, kind.__qualname__, _our_code(), metric.signature]
    try:
        told += seen.of(options)
        told += () if kind.shipped else seen.of(kind)
    except _Unseen:
        return None
    return hashlib.sha256("\n".join(told).encode("utf-8", "surrogatepass")).digest()


@cache
def _our_code() -> str:
    """Return a digest of the code of all metrics of this package."""
    code = "".join(path.read_text(encoding="utf-8") for path in sorted(_OURS.glob("*.py")))
    return hashlib.sha256(code.encode()).hexdigest()


class _Unseen(Exception):
    """Something of which nobody knows whether it is what it was."""


class _Seen:
    """Tells what things are made of, each of them once."""

    def __init__(self) -> None:
        self._known: dict[int, object] = {}

    def of(self, thing: object) -> Iterator[str]:
        """Tell a thing in lines, the same in each process.

        Raises
        ------
        _Unseen
            If it cannot be told.
        """
        if isinstance(thing, _PLAIN):
            yield repr(thing)
        elif isinstance(thing, _NAMED) or _is_installed(thing):
            yield f"{getattr(thing, '__module__', '')} {getattr(thing, '__qualname__', thing)}"
        elif not isinstance(thing, type) and (told := getattr(thing, "identity", None)):
            yield json.dumps(told, sort_keys=True, default=repr)
        elif id(thing) in self._known:
            yield "again"
        else:
            self._known[id(thing)] = thing  # nothing else may take its place in memory
            yield type(thing).__name__
            for part in _parts(thing):
                yield from self.of(part)
            yield "end"


def _parts(thing: object) -> Iterable[Any]:
    """Return what a thing is made of, in an order that is always the same."""
    for kinds, parts in _PARTS:
        if isinstance(thing, kinds):
            return parts(thing)
    if hasattr(thing, "__wrapped__"):
        return (thing.__wrapped__,)
    if hasattr(thing, "__dict__") and not _is_installed(type(thing)):
        return (type(thing), vars(thing))
    raise _Unseen


def _of_function(function: FunctionType) -> Iterator[object]:
    yield from (function.__code__, function.__defaults__, function.__kwdefaults__)
    for cell in function.__closure__ or ():
        with suppress(ValueError):  # one that is still empty
            yield cell.cell_contents
    for name in sorted(_names(function.__code__)):
        if name in function.__globals__:
            yield from (name, function.__globals__[name])


def _names(code: CodeType) -> set[str]:
    """Return all names of a function and of those within it."""
    within = (each for each in code.co_consts if isinstance(each, CodeType))
    return set(code.co_names).union(*map(_names, within))


def _of_class(kind: type) -> Iterator[object]:
    """Return what a class and its bases hold; Python's own notes are none of it."""
    for base in kind.__mro__:
        yield base.__qualname__
        if not _is_installed(base):
            for name, value in vars(base).items():
                if not name.startswith(("__", "_abc_")) or isinstance(value, FunctionType):
                    yield from (name, value)


def _of_module(module: ModuleType) -> tuple[object, ...]:
    try:
        return (module.__name__, Path(module.__file__ or "").read_bytes())
    except (AttributeError, OSError):
        raise _Unseen from None


def _of_array(array: NDArray[Any]) -> tuple[object, ...]:
    cells = array.tolist() if array.dtype.hasobject else array.tobytes()
    return (str(array.dtype), array.shape, cells)


_PARTS: tuple[tuple[Any, Callable[[Any], Iterable[Any]]], ...] = (
    (FunctionType, _of_function),
    (CodeType, lambda code: (code.co_code, code.co_names, code.co_consts)),
    (MethodType, lambda method: (method.__func__, method.__self__)),
    (partial, lambda call: (call.func, call.args, call.keywords)),
    ((staticmethod, classmethod), lambda method: (method.__func__,)),
    (property, lambda made: (made.fget,)),
    (cached_property, lambda made: (made.func,)),
    (type, _of_class),
    (Metric, lambda metric: (type(metric), metric.__getstate__())),
    (ModuleType, _of_module),
    (Mapping, lambda each: sorted(each.items(), key=repr)),
    ((set, frozenset), lambda each: sorted(each, key=repr)),
    ((list, tuple), iter),
    (np.ndarray, _of_array),
    (re.Pattern, lambda each: (each.pattern, each.flags)),
    (Enum, lambda member: (type(member), member.name)),
)


def _is_installed(thing: object) -> bool:
    """Tell whether a function, class or module is Python's, this package's or an installed one's."""
    if not isinstance(thing, (type, FunctionType, ModuleType)):
        return False
    name = thing.__name__ if isinstance(thing, ModuleType) else thing.__module__
    if name == "__main__":  # whatever was started, be it an installed program
        return False
    if name.partition(".")[0] in _KNOWN:
        return True
    file = getattr(sys.modules.get(name), "__file__", None) or ""
    return not {"site-packages", "dist-packages"}.isdisjoint(Path(file).parts)
