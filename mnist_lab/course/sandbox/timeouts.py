"""What marks and pages of feedback say when something takes too long."""

from __future__ import annotations

__all__ = ["ADVICE", "CELL", "CHECK", "notebook"]

CELL = "It took longer than the time limit."
CHECK = "Checking the result took longer than the time limit."
ADVICE = "Look for a loop that does not end."  # on the learner's page, after one of the sentences


def notebook(seconds: float) -> str:
    """Say that a whole notebook used up its time."""
    return f"The notebook took longer than {seconds:g} s."
