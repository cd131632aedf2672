"""What a Colab badge and a set-up line look like, and the tag of a repository that they name."""

from __future__ import annotations

import re
from dataclasses import dataclass

from mnist_lab.course import CourseError

__all__ = ["BADGE", "INSTALL", "Pointer", "redirected", "without_pointers"]

_OWNER, _REPO, _TAG = r"[A-Za-z0-9][\w-]*", r"[\w.-]+", r"\w[\w.-]*"
# Each pattern: address, owner, repository, what stands between, tag; then, untouched, the rest.
BADGE = re.compile(
    rf"(https://colab\.research\.google\.com/github/)({_OWNER})/({_REPO})(/blob/)({_TAG})"
    r"(?=/([^\s)\"'\\]+\.ipynb))",
    re.ASCII,
)
INSTALL = re.compile(
    rf"(https://github\.com/)({_OWNER})/({_REPO})(/archive/refs/tags/)({_TAG})(?=\.zip)", re.ASCII
)


@dataclass(frozen=True)
class Pointer:
    """One tag of one repository on GitHub, written ``OWNER/REPO@TAG``."""

    owner: str
    repo: str
    tag: str

    def __str__(self) -> str:
        return f"{self.owner}/{self.repo}@{self.tag}"

    @classmethod
    def parse(cls, text: str) -> Pointer:
        """Read ``OWNER/REPO@TAG``; anything else raises ValueError."""
        match = re.fullmatch(rf"({_OWNER})/({_REPO})@({_TAG})", text, re.ASCII)
        if match is None:
            raise CourseError(
                f"{text!r} does not name a tag of a repository: "
                "write OWNER/REPO@TAG, for example mnist-lab/mnist-lab@v0.1.0."
            )
        return cls(*match.groups())


def redirected(text: str, pointer: Pointer) -> str:
    """Return the text with every badge and set-up line in it pointing at one tag."""
    for pattern in (BADGE, INSTALL):
        text = pattern.sub(rf"\g<1>{pointer.owner}/{pointer.repo}\g<4>{pointer.tag}", text)
    return text


def without_pointers(text: str) -> str:
    """Return the text with every pointer replaced by the same words: two forks compare equal."""
    return redirected(text, Pointer("OWNER", "REPO", "TAG"))
