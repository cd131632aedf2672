"""A page of feedback for each learner, with our own messages only."""

from __future__ import annotations

from mnist_lab.course.assignments.source import Assignment
from mnist_lab.course.grading.gradebook import Mark
from mnist_lab.course.publishing.templating import render
from mnist_lab.course.sandbox import timeouts

__all__ = ["feedback_page"]

# What a page says of an exercise: a word before the note of the mark, and after it what to do.
_SAID = {
    "passed": ("Correct.", ""),
    "not attempted": ("Not attempted.", ""),
    "missing": ("Not found.", "Write the answer in the cell that begins with # EXERCISE."),
    "timeout": ("Stopped.", timeouts.ADVICE),
    "crashed": ("Stopped.", "Look for code that ends Python or takes much memory."),
    "error": ("Not yet.", "Restart the kernel and run all cells in order to see the error."),
    "failed": ("Not yet.", ""),
    "tampered": ("Not counted.", "Ask your instructor to look at the notebook."),
    "unreadable": ("Not counted.", ""),
}


def feedback_page(mark: Mark, assignment: Assignment) -> str:
    """Return the page for one learner: points and our own messages, nothing that code printed."""
    exercises = []
    for exercise in assignment.exercises:
        result = mark.results[exercise.id]
        said, advice = _SAID[result.status]
        exercises.append(
            {
                "id": exercise.id,
                "points": f"{result.points:g}",
                "total": f"{exercise.points:g}",
                "passed": result.status == "passed",
                "said": said,
                "note": " ".join(filter(None, [result.note, advice])),
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
