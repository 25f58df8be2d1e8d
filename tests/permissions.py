"""Permissions that hold for root too."""

import contextlib
import ctypes
import errno


class _Header(ctypes.Structure):
    _fields_ = [("version", ctypes.c_uint32), ("pid", ctypes.c_int)]


@contextlib.contextmanager
def without_override():
    """Take from root the capabilities that pass over permissions, so that they hold for it too.

    CAP_DAC_OVERRIDE and CAP_DAC_READ_SEARCH are bits 1 and 2 of the effective set, see
    capabilities(7); they stay in the permitted set, from which they are taken back. Others lack
    them anyway.
    """
    libc = ctypes.CDLL(None, use_errno=True)
    header, sets = _Header(0x20080522, 0), (ctypes.c_uint32 * 6)()

    def call(function):
        if function(ctypes.byref(header), sets):
            raise OSError(ctypes.get_errno(), errno.errorcode[ctypes.get_errno()])

    call(libc.capget)
    effective = sets[0]
    sets[0] = effective & ~0b110
    call(libc.capset)
    try:
        yield
    finally:
        sets[0] = effective
        call(libc.capset)


def drop_override():
    """The same for a child, which as root would regain them when it starts a program."""
    libc = ctypes.CDLL(None, use_errno=True)
    for capability in (1, 2):
        libc.prctl(24, capability, 0, 0, 0)  # PR_CAPBSET_DROP
