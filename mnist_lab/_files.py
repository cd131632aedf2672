"""Private: files that are written whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO
from uuid import uuid4

__all__ = ["replacing", "write_text"]


@contextmanager
def replacing(path: Path) -> Iterator[BinaryIO]:
    """Write a file under another name that becomes its own only when the file is complete.

    A reader finds the old file or the new one, never half of one. The new file is on the disk
    before it takes the old one's place, so a power cut cannot leave an empty file behind.
    """
    unfinished = path.with_name(f".{path.name}.{uuid4().hex}.part")
    try:
        with unfinished.open("xb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(path)
    finally:
        unfinished.unlink(missing_ok=True)


def write_text(path: Path, text: str) -> None:
    """Write a text as UTF-8, line ends as they are, in the way of :func:`replacing`."""
    with replacing(path) as file:
        file.write(text.encode("utf-8"))
