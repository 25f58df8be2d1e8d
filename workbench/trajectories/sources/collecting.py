"""Making many objects at once without Python's search for circles among them."""

import gc
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def paused() -> Iterator[None]:
    """Keep the collector of garbage from running while much is made and little is thrown away.

    It would look through all that was made again and again: a fifth of the time that a run of
    100,000 steps takes. It goes on afterwards, whatever happens, if it ran before.

    Examples
    --------
    >>> with paused():
    ...     gc.isenabled()
    False
    """
    before = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if before:
            gc.enable()
