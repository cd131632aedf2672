"""What the seeds say of each published project, in words that a newcomer understands.

The README has one row a project. Lesson 5 has one row a figure, with the numbers behind the words.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from mnist_lab.recipes import MATRIX_ACCURACY, TEST_ACCURACY
from mnist_lab.reproduction import Comparison, Form

__all__ = ["ProjectVerdict", "project_verdicts"]

_RAW = "only if the pixels are *not* divided by 255"
_SCALED = "only if the pixels are divided by 255"
_UNSAID = "The page does not say whether they are."
_LUCK = " Even then it takes luck: no seed reaches {it}, but one more might."
_APART = "But no single training gives both: the two accuracies of a seed never differ so much."


class ProjectVerdict(NamedTuple):
    """A project, the figures that it published, and what the seeds say of them."""

    project: str
    published: str
    said: str


def project_verdicts(comparisons: Iterable[Comparison]) -> list[ProjectVerdict]:
    """Sum up the comparisons of each project in a few sentences.

    Args:
        comparisons: what :func:`mnist_lab.reproduction.compare` returned.
    """
    projects: dict[str, list[Comparison]] = {}
    for comparison in comparisons:
        projects.setdefault(comparison.recipe.repository, []).append(comparison)
    return [
        ProjectVerdict(
            project,
            ", ".join(dict.fromkeys(str(comparison.claim) for comparison in found)),
            _said(found),
        )
        for project, found in projects.items()
    ]


def _said(found: Sequence[Comparison]) -> str:
    """Return a sentence for all figures of a project of which the seeds say the same."""
    together: dict[str, list[Comparison]] = {}
    for comparison in found:
        together.setdefault(_predicate(comparison), []).append(comparison)
    sentences = []
    for predicate, same in together.items():
        names = list(dict.fromkeys(_name(comparison, found) for comparison in same))
        one = len(names) == 1
        subject = f"The {' and the '.join(names)}"
        if len(together) == 1:
            subject = "The figure" if one else "Both figures" if len(names) == 2 else "All figures"
        words = {
            "hold": "holds" if one else "hold",
            "does": "does" if one else "do",
            "is": "is" if one else "are",
            "it": "it" if one else "them",
        }
        sentences.append(f"{subject} {predicate.format(**words)}")
        if _are_too_far_apart(same):
            sentences.append(_APART)
    return " ".join(sentences)


def _name(comparison: Comparison, found: Sequence[Comparison]) -> str:
    """Return the name of a figure, with the batch size where the seeds say other things of it."""
    name, claim = comparison.claim.metric.name, comparison.claim
    alike = [_predicate(other) for other in found if other.claim == claim]
    return name if len({*alike}) == 1 else f"{name} at batch size {comparison.recipe.batch_size}"


def _predicate(comparison: Comparison) -> str:
    """Return what the seeds say of a figure, as a predicate with verbs of either number."""
    recipe, forms = comparison.recipe, comparison.forms
    if any(form.seeds is None for form in forms):
        return "{is} still open, for fewer than two seeds were trained."
    fits = [form for form in forms if form.holds and form.reading == forms[0].reading]
    if not fits:
        return _miss(forms)
    page, is_raw = recipe.page_scales, fits[0].pixels == "raw"
    if page is None and len(fits) > 1:
        return "{hold}, whether the pixels are divided by 255 or not." + _doubt(fits)
    if page is None:
        return f"{{hold}} {_RAW if is_raw else _SCALED}. {_UNSAID}" + _doubt(fits)
    if page is False and not is_raw:
        return f"{{hold}} {_SCALED}, which the page does not do." + _doubt(fits)
    if fits[0].seeds and fits[0].seeds.is_wide:
        return "may be right: the seeds scatter too widely to exclude {it}."
    return "{hold}." + _doubt(fits[:1])


def _doubt(fits: Sequence[Form]) -> str:
    """Return a sentence on what weakens the forms that fit, if it weakens all of them."""
    if all(form.seeds and form.seeds.is_wide for form in fits):
        return " But the seeds scatter too widely to exclude much."
    return "" if any(form.is_reached for form in fits) else _LUCK


def _miss(forms: Sequence[Form]) -> str:
    if any(form.holds for form in forms):
        return "{hold} only if answers are read from the numbers before the last activation."
    if all(form.below == 0 for form in forms):
        return "{does} not hold: every seed gives more."
    if all(form.below == len(form.values) for form in forms):
        return "{does} not hold: every seed gives less."
    return "{does} not hold: the seeds miss {it} in every form that was tried."


def _are_too_far_apart(same: Sequence[Comparison]) -> bool:
    """Say whether a test accuracy and its matrix lie further apart than in any single training."""
    by_metric = {comparison.claim.metric: comparison for comparison in same}
    if not {TEST_ACCURACY, MATRIX_ACCURACY} <= by_metric.keys():
        return False
    evaluated, counted = by_metric[TEST_ACCURACY], by_metric[MATRIX_ACCURACY]
    first, second = evaluated.forms[0].values, counted.forms[0].values
    if len(first) != len(second):
        return False
    slack = evaluated.claim.half_unit + counted.claim.half_unit
    published = abs(evaluated.claim.value - counted.claim.value) - slack
    return bool(np.abs(first - second).max() < published)
