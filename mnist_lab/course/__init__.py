"""Runs the course, for its instructors and maintainers; no lesson imports it."""

__all__ = ["CourseError"]


class CourseError(ValueError):
    """A mistake that a user can mend: one sentence, which ends with what to do.

    Any other exception that leaves a command is a fault of the course and keeps its traceback.
    """
