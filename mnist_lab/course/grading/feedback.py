"""A page of feedback for each learner, with our own messages only."""

from __future__ import annotations

from html import escape

from mnist_lab.course.assignments.source import Assignment
from mnist_lab.course.grading.gradebook import Mark
from mnist_lab.course.publishing.styles import CSS

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
    articles = ""
    for exercise in assignment.exercises:
        result = mark.results[exercise.id]
        state = "done" if result.status == "passed" else "failed"
        articles += (
            f"<article><div><h2>{escape(exercise.id)}: {result.points:g} of {exercise.points:g} "
            f'points</h2><p><span class="{state}">{_SAID[result.status]}</span> '
            f"{escape(result.note)}</p></div></article>"
        )
    total = sum(exercise.points for exercise in assignment.exercises)
    return (
        '<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(assignment.name)}: feedback</title><style>{CSS}</style></head><body><main>"
        f"<h1>{escape(assignment.name)}: {mark.score:g} of {total:g} points</h1>"
        f'<p class="quiet">{escape(mark.student)}. {escape(mark.note)}</p>{articles}'
        "</main></body></html>\n"
    )
