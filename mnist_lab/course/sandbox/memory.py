"""The bound of memory for all processes of a kernel together.

A limit of address space holds for one process, and a program may start many. So what they hold
together is counted. What no count would find, the sandbox refuses: objects that live on without
any process that has mapped them.
"""

from __future__ import annotations

import platform
import re
import struct
import sys
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path

import psutil

__all__ = ["filter_of_calls", "holds_more"]

# System calls that make such objects: System V shared memory and messages, memory files, and file
# systems in memory (mount, fsopen). A program may have the last ones in its own user namespace.
# The numbers come from the kernel's tables, and the architectures from its audit.h.
_CALLS = {  # machine: (architecture, shmget, msgget, memfd_create, memfd_secret, mount, fsopen)
    "x86_64": (0xC000003E, 29, 68, 319, 447, 165, 430),
    "aarch64": (0xC00000B7, 194, 186, 279, 447, 40, 430),
}
_X32 = 0x40000000  # on x86-64, calls with this bit are the same calls under other numbers
_REFUSE = 0x00050000 | 1  # SECCOMP_RET_ERRNO with EPERM
_ALLOW = 0x7FFF0000
_LOAD, _IF_EQUAL, _IF_AT_LEAST, _RETURN = 0x20, 0x15, 0x35, 0x06  # classic BPF

# Mappings of memory that is shared and in no file system. Each is counted in full, once: pages that
# a process wrote before it ended are found with none of those that live.
_SHARED = re.compile(
    rb"^([0-9a-f]+)-([0-9a-f]+) \S+ ([0-9a-f]+) \S+ (\d+) +(?:/dev/zero|/memfd:|/SYSV)",
    re.MULTILINE,
)
_OWN = re.compile(rb"^(?:RssAnon|VmSwap):\s+(\d+) kB", re.MULTILINE)
_PROPORTIONAL = re.compile(rb"^(?:Pss_Anon|SwapPss):\s+(\d+) kB", re.MULTILINE)


def filter_of_calls() -> bytes:
    """Return a program for seccomp that refuses those calls; b"" on an unknown architecture.

    Source: Linux, Documentation/userspace-api/seccomp_filter.rst.
    """
    if platform.machine() not in _CALLS:
        return b""
    architecture, *calls = _CALLS[platform.machine()]
    end = 5 + len(calls)  # number of the last instruction; a jump counts from the one after it
    program = [
        (_LOAD, 0, 0, 4),
        (_IF_EQUAL, 0, end - 2, architecture),
        (_LOAD, 0, 0, 0),
        (_IF_AT_LEAST, end - 4, 0, _X32),
        *((_IF_EQUAL, end - number - 1, 0, call) for number, call in enumerate(calls, start=4)),
        (_RETURN, 0, 0, _ALLOW),
        (_RETURN, 0, 0, _REFUSE),
    ]
    return b"".join(struct.pack("HBBI", *instruction) for instruction in program)


def holds_more(pids: Sequence[int], limit: int) -> bool:
    """Say whether processes hold more than ``limit`` bytes of memory together.

    Pages of files, as of the libraries of TensorFlow, do not count: the system can drop them. Pages
    that processes share after a fork count once.
    """
    if not sys.platform.startswith("linux"):
        return sum(map(_resident, pids)) > limit
    shared = _shared(pids)
    if shared + sum(_kilobytes(pid, "status", _OWN) for pid in pids) * 1024 <= limit:
        return False  # reading proportions takes longer
    own = sum(_kilobytes(pid, "smaps_rollup", _PROPORTIONAL) for pid in pids)
    return shared + own * 1024 > limit


def _resident(pid: int) -> int:
    with suppress(psutil.Error):
        return int(psutil.Process(pid).memory_info().rss)
    return 0


def _read(pid: int, name: str) -> bytes:
    with suppress(OSError):  # it has ended
        return Path(f"/proc/{pid}/{name}").read_bytes()
    return b""


def _kilobytes(pid: int, name: str, pattern: re.Pattern[bytes]) -> int:
    return sum(map(int, pattern.findall(_read(pid, name))))


def _shared(pids: Iterable[int]) -> int:
    """Return the bytes of all shared mappings; of memory files also what nobody has mapped."""
    sizes: dict[int, int] = {}
    for pid in pids:
        for start, end, offset, inode in _SHARED.findall(_read(pid, "maps")):
            size = int(offset, 16) + int(end, 16) - int(start, 16)
            sizes[int(inode)] = max(size, sizes.get(int(inode), 0))
        with suppress(OSError):
            for file in Path(f"/proc/{pid}/fd").iterdir():
                with suppress(OSError):
                    if str(file.readlink()).startswith("/memfd:"):
                        found = file.stat()
                        size = max(found.st_blocks * 512, sizes.get(found.st_ino, 0))
                        sizes[found.st_ino] = size
    return sum(sizes.values())
