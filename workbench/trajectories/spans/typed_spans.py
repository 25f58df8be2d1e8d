"""Spans from their bytes by a typed decoder, as long as they are of the usual form.

The names of a typed object are found without a dict for each of some forty objects that a span of
OTLP consists of. Whatever is not of the usual form is left to `otlp.span_of`.
"""

from typing import Annotated, Any, NamedTuple

import msgspec
from msgspec import UNSET, UnsetType

from workbench.trajectories.model import Json

_Int = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]
# A text stays one beside a number; only where no text may stand, a number is read out of one.
_Plain = str | _Int | float | bool | None


class _Scalar(msgspec.Struct, gc=False, forbid_unknown_fields=True):
    stringValue: str | UnsetType = UNSET  # noqa: N815 - the format's names
    intValue: _Int | UnsetType = UNSET  # noqa: N815
    doubleValue: _Plain | UnsetType = UNSET  # noqa: N815
    boolValue: _Plain | UnsetType = UNSET  # noqa: N815


class _Array(msgspec.Struct, gc=False, forbid_unknown_fields=True):
    values: list[_Scalar]


class _Value(_Scalar, gc=False, forbid_unknown_fields=True):
    arrayValue: _Array | UnsetType = UNSET  # noqa: N815


class _Attribute(msgspec.Struct, gc=False, forbid_unknown_fields=True):
    key: str
    value: _Value


_SPAN: "msgspec.json.Decoder[Any]" = msgspec.json.Decoder(
    dict[str, _Plain | list[_Attribute] | dict[str, _Plain]], strict=False
)


class Decoded(NamedTuple):
    """A span: its members beside the attributes, in their order, and the attributes by name."""

    left: dict[str, Json]
    attributes: dict[str, Json]


def decoded(raw: bytes) -> Decoded | None:
    """Return a span if it is of the usual form; else None.

    Parameters
    ----------
    raw : bytes
        JSON in which no key comes twice.

    Examples
    --------
    >>> decoded(b'{"name": "n", "attributes": [{"key": "a", "value": {"intValue": "7"}}]}')
    Decoded(left={'name': 'n'}, attributes={'a': 7})
    >>> decoded(b'{"attributes": [{"key": "a", "value": {"bytesValue": "AAE="}}]}')
    """
    try:
        left = _SPAN.decode(raw)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return None
    listed = left.pop("attributes", None)
    # any other list would be one of attributes here
    if type(listed) is not list or any(type(each) is list and each for each in left.values()):
        return None
    known: dict[str, Json] = {}
    for each in listed:
        value = each.value
        text = value.stringValue
        if text is UNSET or not (
            value.intValue is value.doubleValue is value.boolValue is value.arrayValue is UNSET
        ):
            text = _plain(value)
            if text is UNSET:
                return None
        known[each.key] = text
    # of a name that comes twice both values are kept
    return Decoded(left, known) if len(known) == len(listed) else None


def _plain(value: _Scalar) -> Json:
    """Return what `otlp.plain` does; unset where it has more than one member, or is not usual."""
    array = value.arrayValue if isinstance(value, _Value) else UNSET
    set_ = [
        each
        for each in (value.stringValue, value.intValue, value.doubleValue, value.boolValue, array)
        if each is not UNSET
    ]
    if len(set_) != 1:
        return UNSET
    (found,) = set_
    if isinstance(found, _Array):
        listed = [_plain(each) for each in found.values]
        return UNSET if UNSET in listed else listed
    if found is value.doubleValue and type(found) is not float:
        return UNSET
    if found is value.boolValue and type(found) is not bool:
        return UNSET
    return found
