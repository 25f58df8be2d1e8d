"""What is taken from sacrebleu as it is: its signatures, and its tokenizers where they are no word's own.

Some of that is private, so its version is pinned and `tests/metrics/test_sacrebleu_peer.py` holds the
contract.
"""

from typing import Any


def signature(peer: Any) -> str:  # noqa: ANN401 - untyped
    """Return sacrebleu's signature with the number of references left open."""
    peer.num_refs = "?"
    return str(peer.get_signature())
