"""Commands for lessons: run and refresh them, lint them, point their badges, begin a new one."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mnist_lab.course import CourseError
from mnist_lab.course.cli.errors import plain_words, report_faults

if TYPE_CHECKING:
    from nbformat import NotebookNode

    from mnist_lab.course.execution.catalogue import Lesson
    from mnist_lab.course.execution.runner import RunPlan

__all__ = ["COMMANDS"]

Names = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="LESSON", help="Names or numbers, such as 02_fnn or 2.  [default: all lessons]"
    ),
]
Timeout = Annotated[
    int | None,
    typer.Option(min=1, metavar="SECONDS", help="How long one cell may take.  [default: no limit]"),
]


@plain_words("The same command continues where it stopped.")
def run(
    lessons: Names = None,
    fresh: Annotated[
        bool, typer.Option("--fresh", help="Run also the lessons that are finished.")
    ] = False,
    notebooks: Annotated[
        Path | None,
        typer.Option(
            metavar="DIR", help="Folder of the lessons.  [default: notebooks of the course]"
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Folder for the results.  [default: build/course]"),
    ] = None,
    parameter: Annotated[
        list[str] | None,
        typer.Option(
            "--parameter",
            "-p",
            metavar="NAME=VALUE",
            help="Change a setting of the lessons. The option may be repeated.",
        ),
    ] = None,
    jobs: Annotated[
        int | None,
        typer.Option(
            min=1,
            metavar="N",
            help="Run N lessons at a time.  [default: one per processor, at most 4]",
        ),
    ] = None,
    timeout: Timeout = None,
) -> None:
    """Execute lessons and make a book of them.

    The book begins with the main result of each lesson. The lessons run on MNIST if MNIST is found
    or can be downloaded. Otherwise they run on a small bundled sample. When a lesson fails,
    the command names the cell and the error, runs the other lessons, and ends with exit code 1. A
    lesson that is finished and unchanged is not executed again. The book is made when the last
    lesson has ended; until then, its first page says how far the lessons are.

    A cell may take as long as it needs, because a computer may be slow. The command notices at once
    when a kernel dies. Use --timeout where nobody watches.

    \b
    mnist-lab run                        then open build/course/index.html
    mnist-lab run 02_fnn 04_cnn --fresh  two lessons, whether they are finished or not
    mnist-lab run -p EPOCHS=1 --output build/quick
    """
    from mnist_lab import data
    from mnist_lab.course.execution.catalogue import choose, find_course
    from mnist_lab.course.execution.parameters import assign_parameters
    from mnist_lab.course.execution.records import read_notebook
    from mnist_lab.course.execution.runner import plan_run

    if notebooks is None:
        course = find_course(Path.cwd())
        notebooks, listed = course.notebooks, list(course.lessons)
        headings = {lesson.name: lesson.heading for lesson in listed}
        output = output or course.folder / "build" / "course"
    else:
        listed = _lessons_in(notebooks)
        headings = {lesson.name: lesson.title for lesson in listed}  # which has its number
        output = output or Path("build", "course")
    chosen = {lesson.name: lesson for lesson in choose(listed, lessons or [])}
    found = {name: read_notebook(notebooks / f"{name}.ipynb") for name in chosen}
    parameters = assign_parameters(found, parameter or [])
    digits = data.load_mnist()  # before the lessons: they need not download it side by side
    typer.echo(digits.source)
    plan = plan_run(
        chosen, found, parameters, digits, output, fresh=fresh, jobs=jobs, timeout=timeout
    )
    failed = _execute_and_publish(plan, headings)
    typer.echo(f"{len(chosen) - failed} of {len(chosen)} lessons done: {output}/index.html")
    if failed:
        raise typer.Exit(1)


def _lessons_in(folder: Path) -> list[Lesson]:
    """Return what can be said of the lessons in a folder that no list names."""
    from mnist_lab.course.execution.catalogue import Lesson, Minutes
    from mnist_lab.course.execution.cells import title
    from mnist_lab.course.execution.records import read_notebook

    paths = sorted(folder.glob("*.ipynb"))
    if not paths:
        raise CourseError(f"There are no lessons in {folder}: name another folder.")
    return [
        Lesson(path.stem, title(read_notebook(path)), "", Minutes(read=0, do=0, run=1))
        for path in paths
    ]


def _execute_and_publish(plan: RunPlan, headings: Mapping[str, str]) -> int:
    """Run a plan and make a book of all executed lessons; return how many lessons failed.

    While lessons run, the index is a page that says how far they are. So no reader takes the
    results of an earlier run for those of this one.
    """
    from mnist_lab._files import write_text
    from mnist_lab.course.execution.cells import headline
    from mnist_lab.course.execution.progress import duration
    from mnist_lab.course.execution.records import earlier_runs
    from mnist_lab.course.execution.runner import run as run_lessons
    from mnist_lab.course.publishing.run_book import progress_page

    def show_progress(*, stopped: bool = False) -> None:
        plan.output.mkdir(parents=True, exist_ok=True)
        done = {name: notebook for name, notebook in executed.items() if name not in waiting}
        page = progress_page(headings, done, stopped=stopped)
        write_text(plan.output / "index.html", page)

    executed = earlier_runs(plan.output, headings)
    failed, waiting = 0, set(plan.todo)
    try:
        show_progress()
        with plan.progress() as progress:
            for name, notebook in plan.finished.items():
                took = duration(notebook.metadata.mnist_lab.seconds)
                progress.say(f"{name}: finished before (in {took}), skipped; --fresh runs it again")
            for name, notebook in run_lessons(plan, progress):
                executed[name] = notebook
                waiting.discard(name)
                record = notebook.metadata.mnist_lab
                if record.failure:
                    failed += 1
                    progress.fail(name, record.failure)
                else:
                    line = f"{name}: done in {duration(record.seconds)}. {headline(notebook)}"
                    progress.finish(name, line.rstrip())
                show_progress()
        _make_run_book(plan.output, headings, executed)
    except BaseException:  # also Ctrl-C, while lessons run or while the book is made
        show_progress(stopped=True)
        raise
    return failed


def _make_run_book(
    output: Path, headings: Mapping[str, str], executed: Mapping[str, NotebookNode]
) -> None:
    """Make the book of a run; a fault of a page, such as a dead link, is said and stops nothing."""
    from mnist_lab.course.publishing.book import make_book
    from mnist_lab.course.publishing.run_book import RUN_TITLE, run_pages

    typer.echo("making the book")
    try:
        make_book(run_pages(headings, executed), output, output / ".sphinx", title=RUN_TITLE)
    except CourseError as fault:
        typer.echo(str(fault), err=True)


@plain_words("The lessons reported as refreshed have new outputs, and the others are as they were.")
def refresh(lessons: Names = None, timeout: Timeout = None) -> None:
    """Renew the outputs of committed lessons.

    The lessons are executed one after another, on real MNIST and with their published settings. The
    outputs replace those in the notebooks. Each notebook also stores the versions, the data and a
    digest of its sources, so that a test notices outputs of other sources. A lesson that fails
    keeps its file as it was. The picture and the tables in the README are renewed, too.

    \b
    mnist-lab refresh 02_fnn   after you changed lesson 02
    mnist-lab refresh          all lessons, for a release
    """
    from mnist_lab import data
    from mnist_lab.course.execution import runner
    from mnist_lab.course.execution.catalogue import choose, find_course
    from mnist_lab.course.execution.cells import executed_cells, headline
    from mnist_lab.course.execution.progress import Progress
    from mnist_lab.course.execution.records import read_notebook, save_notebook
    from mnist_lab.course.publishing import readme

    course = find_course(Path.cwd())
    chosen = choose(course.lessons, lessons or [])
    notebooks = {x.name: read_notebook(course.notebooks / f"{x.name}.ipynb") for x in chosen}
    digits = data.load_mnist(allow_sample=False)
    typer.echo(digits.source)
    failed = 0
    expected = {lesson.name: 60.0 * lesson.minutes.run for lesson in chosen}
    cells = {name: len(executed_cells(notebook)) for name, notebook in notebooks.items()}
    with Progress(expected, cells, 1) as progress:
        for name, notebook in runner.refresh(notebooks, digits, progress, timeout=timeout):
            if failure := notebook.metadata.mnist_lab.get("failure"):
                failed += 1
                progress.fail(name, failure)
                continue
            save_notebook(course.notebooks / f"{name}.ipynb", notebook)
            readme.save_pictures(course, notebook)
            progress.finish(name, f"{name}: refreshed. {headline(notebook)}".rstrip())
    readme.renew(course)
    typer.echo(f"{len(chosen) - failed} of {len(chosen)} lessons refreshed.")
    if failed:
        raise typer.Exit(1)


@plain_words("The same command makes the rest of the book.")
def site(
    output: Annotated[
        Path | None,
        typer.Option(metavar="DIR", help="Folder for the book.  [default: build/site]"),
    ] = None,
) -> None:
    """Make the course a book to read and to publish.

    The book has the lessons with their stored outputs, the exercises, the results, a glossary, the
    pages for instructors, and the functions that lessons import. The command executes no notebook.
    A link that leads nowhere is a fault, which the command names. Only pages that changed are made
    again. The book can be read without a network.

    \b
    mnist-lab site                       then open build/site/index.html
    mnist-lab site --output public       for a web server
    """
    from mnist_lab.course.execution.catalogue import find_course
    from mnist_lab.course.publishing.book import make_book
    from mnist_lab.course.publishing.site import TITLE, site_pages

    course = find_course(Path.cwd())
    build = course.folder / "build"
    output = output or build / "site"
    make_book(site_pages(course), output, build / "sphinx" / "site", title=TITLE)
    typer.echo(f"The book is ready: {output}/index.html")


@plain_words()
def lint(
    files: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="FILE", help="Notebooks or Markdown files.  [default: all of the course]"
        ),
    ] = None,
) -> None:
    """Say what is wrong with lessons and exercises.

    A lesson must have a shape that a reader can follow alone. The lints look at its length, its
    first cells, its sections, its code, its stored outputs and the figures in its text. A term must
    be explained before it is used. An assignment must have its marks in place, hints, and checks
    that can fail and that help. Its copy for learners must not show a line of a solution or of a
    hidden test. No text may have a sentence that is too long to be read once. A sentence for each
    fault says where the fault is and what to do. The exit code is 1 if there is any fault.

    \b
    mnist-lab lint                          everything
    mnist-lab lint assignments/02_fnn.ipynb
    """
    from mnist_lab.course import lint as linting
    from mnist_lab.course.execution.catalogue import find_course

    course = find_course(Path.cwd())
    paths = files or linting.files_of(course)
    report_faults([fault for path in paths for fault in linting.faults_of(path, course)])
    typer.echo(f"{len(paths)} files, no fault.")


@plain_words()
def badges(
    target: Annotated[
        str | None,
        typer.Argument(metavar="OWNER/REPO@TAG", help="The repository and tag to point at."),
    ] = None,
    check: Annotated[bool, typer.Option("--check", help="Change nothing, only compare.")] = False,
) -> None:
    """Point badges and set-up cells at a tag.

    Every Colab badge and every install line leads to one tag of one repository on GitHub, which
    course.toml names. Nothing else in the notebooks and README.md changes, not even a space.

    \b
    mnist-lab badges me/my-fork@v1.0   after forking, or for a release
    mnist-lab badges --check           exit code 1 if one disagrees with course.toml
    """
    from mnist_lab.course.execution.catalogue import find_course
    from mnist_lab.course.execution.pointers import Pointer
    from mnist_lab.course.publishing.badges import disagreements, repoint

    course = find_course(Path.cwd())
    pointer = Pointer.parse(target) if target else None
    if check:
        report_faults(disagreements(course, pointer))
        typer.echo("All badges and set-up cells agree.")
    elif pointer is None:
        raise CourseError(
            "The command needs a repository and a tag: write mnist-lab badges me/my-fork@v1.0."
        )
    else:
        changed = repoint(course.folder, pointer)
        for path in changed:
            typer.echo(f"{path.relative_to(course.folder).as_posix()} points at {pointer} now")
        typer.echo(f"{len(changed)} files changed.")


@plain_words("The files that were written are complete: remove them, or continue with them.")
def new_lesson(
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="Two digits and a word, such as 10_digits.")
    ],
    title: Annotated[str, typer.Argument(metavar="TITLE", help="The heading of the lesson.")],
    summary: Annotated[
        str,
        typer.Option(metavar="TEXT", help="What a reader learns. The list of lessons shows it."),
    ] = "What this lesson teaches",
    tensorflow: Annotated[bool, typer.Option(help="Whether the lesson needs TensorFlow.")] = True,
) -> None:
    """Begin a new lesson that works.

    The command writes a lesson, its assignment, a page for instructors, typical answers for the
    tests, and the copy for learners. It lists the lesson in course.toml. Everything passes every
    lint and can be run, handed out and graded. Replace it part by part. Bounds in course.toml allow
    a short draft: remove these bounds when the lesson has grown.

    \b
    mnist-lab new-lesson 10_digits "A closer look"
    mnist-lab refresh 10                            then look at it in JupyterLab
    """
    from mnist_lab.course.assignments.release import release
    from mnist_lab.course.execution.catalogue import Lesson, Minutes, find_course
    from mnist_lab.course.publishing import readme
    from mnist_lab.course.publishing.new_lesson import DRAFT_BOUNDS, write_new_lesson

    course = find_course(Path.cwd())
    minutes = Minutes(read=10, do=5, run=1)
    lesson = Lesson(name, title, summary, minutes, tensorflow, bounds=DRAFT_BOUNDS)
    written = write_new_lesson(course, lesson)
    course = find_course(course.folder)
    written += release(course)
    readme.renew(course)
    for path in written:
        typer.echo(f"{path.relative_to(course.folder).as_posix()} written")
    typer.echo(
        f"course.toml and README.md list the lesson. Continue with: mnist-lab refresh {name}"
    )


COMMANDS = (run, refresh, site, lint, badges, new_lesson)
