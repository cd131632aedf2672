"""The image for Docker: what it installs is enough, and its build gets all that it names.

Docker is not at hand where these tests run; the workflow on GitHub builds the image.
"""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")
BASE = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
# What lessons and the rest of the course need is not in the image. tqdm belongs to LiteRT.
ABSENT = (
    *("joblib", "matplotlib", "pandas", "pooch", "seaborn", "sklearn", "statsmodels"),
    *("jinja2", "jupytext", "keras", "nbclient", "nbformat", "papermill", "tensorflow"),
)


def chosen() -> list[str]:
    """The names of packages that the Dockerfile chooses, by the program that it runs."""
    found = re.search(r'python -c "(.+?)" > requirements.txt', DOCKERFILE, re.DOTALL)
    assert found
    program = found[1].replace("\\\n", "")
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    return [re.split("[<>=]", line)[0] for line in done.stdout.split()]


def test_the_image_has_three_packages_of_the_base_and_the_extra() -> None:
    extra = [re.split("[<>=]", line)[0] for line in BASE["optional-dependencies"]["serve"]]
    assert chosen() == ["numpy", "pillow", "scipy", *extra]
    assert "tensorflow" not in " ".join(chosen())


@pytest.mark.slow
def test_the_service_needs_no_other_package() -> None:
    program = re.findall(r'/service/bin/python -c "(.+?)"', DOCKERFILE)[0]
    code = f"import sys; sys.modules.update(dict.fromkeys({ABSENT})); {program}\n"
    code += "from mnist_lab.course.cli.main import app; app(['serve', '--help'])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert "--allow-host" in done.stdout
    broken = code.replace("'tensorflow'", "'scipy'")  # so the test can fail
    assert subprocess.run([sys.executable, "-c", broken], capture_output=True).returncode != 0


def test_the_build_gets_what_it_copies() -> None:
    rules = (ROOT / ".dockerignore").read_text(encoding="utf-8").split()
    copied = re.findall(r"^COPY (?!--)(.+) \S+$", DOCKERFILE, re.MULTILINE)
    names = [name for line in copied for name in line.split()]
    assert {"pyproject.toml", "mnist_lab"} <= set(names)
    for name in names:
        assert f"!{name}" in rules and (ROOT / name).exists(), name


def test_the_service_does_not_run_as_root() -> None:
    last = DOCKERFILE.rpartition("\nFROM ")[2]
    assert re.search(r"^USER (?!root)\w+$", last, re.MULTILINE)
    assert last.index("USER") < last.index("ENTRYPOINT")
