"""A quiet start, versions without imports, and the report at the top of each lesson."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from mnist_lab import __version__, environment


def run(code: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | variables,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


def test_quiet_start_silences_compiled_code_and_only_inside() -> None:
    result = run(
        "import os\n"
        "from mnist_lab.environment import quiet_start\n"
        "with quiet_start():\n"
        "    os.write(2, b'inside')\n"
        "os.write(2, b'outside')\n"
    )
    assert (result.returncode, result.stderr) == (0, "outside")


def test_quiet_start_does_not_swallow_an_exception() -> None:
    result = run(
        "from mnist_lab.environment import quiet_start\n"
        "with quiet_start():\n"
        "    import no_such_module\n"
    )
    assert result.returncode == 1
    assert "No module named 'no_such_module'" in result.stderr


def test_an_export_says_nothing_but_its_errors() -> None:
    result = run(
        "import logging, os, warnings\n"
        "from mnist_lab.environment import quietly\n"
        "with quietly():\n"
        "    print('a description')\n"
        "    os.write(2, b'a line of compiled code')\n"
        "    warnings.warn('a warning')\n"
        "    logging.getLogger('absl').warning('a line of absl')\n"
        "print('after')\n"
        "logging.getLogger('absl').warning('absl again')\n"
        "with quietly():\n"
        "    raise ValueError('a fault')\n"
    )
    assert result.stdout == "after\n"
    assert result.stderr.startswith("absl again\n")
    assert result.stderr.endswith("ValueError: a fault\n")
    assert "a line of" not in result.stderr and "a warning" not in result.stderr


def test_keras_starts_without_a_word() -> None:
    result = run(
        "from mnist_lab.environment import quiet_start\n"
        "with quiet_start():\n"
        "    import keras\n"
        "print(keras.ops.convert_to_numpy(keras.ops.ones(1)))\n"
    )
    assert (result.stdout, result.stderr) == ("[1.]\n", "")


def test_versions_import_nothing() -> None:
    result = run(
        "import sys\n"
        "from mnist_lab.environment import versions\n"
        "found = versions()\n"
        "assert {'tensorflow', 'keras', 'numpy', 'matplotlib'} <= set(found), found\n"
        "assert not {'tensorflow', 'keras', 'pandas', 'matplotlib'} & set(sys.modules)\n"
    )
    assert (result.returncode, result.stderr) == (0, "")
    found = environment.versions()
    assert next(iter(found)) == "python"
    assert found["mnist-lab"] == __version__  # also where an earlier one was installed in place


@pytest.mark.parametrize(
    ("gpus", "line"),
    [
        (None, "no GPU is needed"),
        ([], "none is needed. On Colab, Runtime > Change runtime type"),
        (["GPU:0"], "TensorFlow uses 1 GPU"),
    ],
)
def test_report_says_where_the_digits_came_from_and_what_of_a_gpu(
    gpus: list[str] | None,
    line: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    config = SimpleNamespace(list_physical_devices=lambda kind: gpus)
    fake = None if gpus is None else SimpleNamespace(config=config)
    monkeypatch.setitem(sys.modules, "tensorflow", fake)
    digits: Any = SimpleNamespace(source="MNIST, from a test.")
    environment.report(digits)
    out = capsys.readouterr().out
    assert out.startswith("python 3.")
    assert "\nMNIST, from a test.\n" in out
    assert line in out


def test_processor_tells_two_generations_of_one_name_apart(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    file = tmp_path / "cpuinfo"
    file.write_text("model name : Some CPU\ncpu family : 26\nmodel : 2\nflags : fma avx2 avx512f\n")
    monkeypatch.setattr(environment, "Path", lambda _: file)
    assert environment.processor() == "Some CPU (cpu family 26, model 2, avx512f)"
    file.unlink()
    assert environment.processor()


def test_tensorflow_does_not_warn_of_many_networks() -> None:
    with environment.quiet_start():
        pass
    assert not logging.getLogger("tensorflow").isEnabledFor(logging.WARNING)


@pytest.mark.parametrize(
    ("name", "value"),
    [("image_data_format", "channels_first"), ("floatx", "float64"), ("backend", "jax")],
)
def test_other_settings_of_keras_are_said_at_the_start(
    name: str, value: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    good = {"backend": "tensorflow", "image_data_format": "channels_last", "floatx": "float32"}
    config = {setting: lambda found=found: found for setting, found in good.items()}
    monkeypatch.setitem(sys.modules, "keras", SimpleNamespace(config=SimpleNamespace(**config)))
    with environment.quiet_start():
        pass
    monkeypatch.setattr(sys.modules["keras"].config, name, lambda: value)
    with (
        pytest.raises(RuntimeError, match=f"^Keras is set to {name} '{value}'.*: set it in"),
        environment.quiet_start(),
    ):
        pass


def test_a_backend_named_in_keras_json_does_not_matter(tmp_path: Path) -> None:
    (tmp_path / "keras.json").write_text('{"backend": "jax"}')
    code = (
        "from mnist_lab.environment import quiet_start\n"
        "with quiet_start():\n"
        "    import keras\n"
        "print(keras.config.backend())\n"
    )
    result = run(code, KERAS_HOME=str(tmp_path))
    assert (result.returncode, result.stdout) == (0, "tensorflow\n"), result.stderr


def test_report_in_a_notebook_tells_programs_what_it_tells_people() -> None:
    code = (
        "from types import SimpleNamespace\n"
        "from IPython.core.interactiveshell import InteractiveShell\n"
        "from IPython.utils.capture import capture_output\n"
        "from mnist_lab import environment\n"
        "InteractiveShell.instance()\n"
        "with capture_output() as captured:\n"
        "    environment.report(SimpleNamespace(source='MNIST, from a test.\\n- tried'))\n"
        "(output,) = captured.outputs\n"
        "assert output.metadata['mnist_lab']['data'] == 'MNIST, from a test.'\n"
        "assert output.metadata['mnist_lab']['versions'] == environment.versions()\n"
        "assert '- tried' in output.data['text/plain']\n"
    )
    result = run(code)
    assert result.returncode == 0, result.stderr
