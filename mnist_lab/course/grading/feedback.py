"""A page of feedback for each learner, with our own messages only."""

from __future__ import annotations

from mnist_lab.course.assignments.source import Assignment
from mnist_lab.course.grading.gradebook import Mark
from mnist_lab.course.publishing.templating import render

__all__ = ["feedback_page"]

_SAID = {
    "passed": "Correct.",
    "not attempted": "Not attempted.",
    "missing": "Not found.",
    "timeout": "Stopped.",
    "crashed": "Stopped.",
    "error": "Not yet.",
    "failed": "Not yet.",
    "tampered": "Not counted.",
    "unreadable": "Not counted.",
}


def feedback_page(mark: Mark, assignment: Assignment) -> str:
    """Return the page for one learner: points and our own messages, nothing that code printed."""
    exercises = []
    for exercise in assignment.exercises:
        result = mark.results[exercise.id]
        exercises.append(
            {
                "id": exercise.id,
                "points": f"{result.points:g}",
                "total": f"{exercise.points:g}",
                "passed": result.status == "passed",
                "said": _SAID[result.status],
                "note": result.note,
            }
        )
    return render(
        "feedback.html.j2",
        assignment=assignment.name,
        student=mark.student,
        note=mark.note,
        score=f"{mark.score:g}",
        total=f"{sum(exercise.points for exercise in assignment.exercises):g}",
        exercises=exercises,
    )
