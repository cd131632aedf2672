"""What is kept between two lessons, by several kernels at once, under bad conditions."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import pytest
from data_room import Arrays, Server, child, gives, npz, random_arrays, same, tree

from mnist_lab import _files, data
from mnist_lab.data import DataError, _cache, _mirrors

pytest_plugins = ["data_fixtures"]
pytestmark = pytest.mark.usefixtures("home")

BAD: dict[str, Callable[[bytes], bytes]] = {
    "cut short": lambda good: good[:-2000],
    "other digits": lambda good: npz(random_arrays(1)),
    "a web page": lambda good: b"<!DOCTYPE html><title>Sign in</title>",
    "one byte": lambda good: good[:2000] + bytes([good[2000] ^ 1]) + good[2001:],
}


@pytest.mark.parametrize("fault", BAD)
def test_bad_cache_is_passed_over_and_left_alone(
    fault: str, mnist: Arrays, home: Path, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad = BAD[fault](npz(mnist))
    for folder in (home / "cache", home / "keras/datasets"):
        folder.mkdir(parents=True)
        (folder / "mnist.npz").write_bytes(bad)
    with pytest.raises(DataError, match=r"(?s)the course's cache: .*mnist.npz: .*Keras' cache: "):
        data.load_mnist(allow_sample=False)
    good = server.mirror("good", ("mnist.npz", gives(npz(mnist))))
    monkeypatch.setattr(_mirrors, "MIRRORS", (good,))
    assert same(data.load_mnist(), mnist)
    assert "from the course's cache (" in data.load_mnist().source
    assert (home / "cache/mnist.npz").read_bytes() == bad
    assert (home / "keras/datasets/mnist.npz").read_bytes() == bad
    assert len(server.asked) == 1


def unwritable(home: Path, how: str) -> Iterator[None]:
    """Make the home read-only; a test run by root becomes another user for that."""
    if how == "a file in the way":
        (home / "cache").write_text("not a folder")
        yield
        return
    import pooch  # noqa: F401  (another user may not be allowed to read the environment)
    import requests  # noqa: F401
    from tqdm import tqdm  # noqa: F401

    home.chmod(0o555)
    root = os.geteuid() == 0
    try:
        if root:
            os.seteuid(65534)
        assert not os.access(home, os.W_OK, effective_ids=True)
        yield
    finally:
        if root:
            os.seteuid(0)
        home.chmod(0o755)


@pytest.mark.parametrize("how", ["a file in the way", "permissions"])
def test_read_only_home(
    how: str, mnist: Arrays, home: Path, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    if how == "permissions" and not hasattr(os, "geteuid"):
        pytest.skip("folders have no permission bits here")
    good = server.mirror("good", ("mnist.npz", gives(npz(mnist))))
    monkeypatch.setattr(_mirrors, "MIRRORS", (good,))
    state = unwritable(home, how)
    next(state)
    try:
        digits = data.load_mnist()
    finally:
        list(state)
    assert same(digits, mnist)
    assert "It could not be kept: the cache is not writable (" in digits.source
    assert not (home / "cache").is_dir()


@pytest.mark.slow
def test_two_kernels_at_once(mnist: Arrays, home: Path, server: Server) -> None:
    both = threading.Barrier(2, timeout=60)

    def together(handler: BaseHTTPRequestHandler) -> None:
        both.wait()  # neither gets a byte before both have found the cache empty
        gives(npz(mnist), pieces=3, pause=0.05)(handler)

    url = server.mirror("slow", ("mnist.npz", together)).urls[0]
    kernels = [child(home, mnist, url) for _ in range(2)]
    for kernel in kernels:
        assert "downloaded from slow" in kernel.communicate(timeout=60)[0]
    assert list(tree(home / "cache")) == ["mnist.npz"]
    assert "from the course's cache (" in data.load_mnist().source


def test_a_write_that_fails_leaves_the_old_file(tmp_path: Path) -> None:
    path = tmp_path / "digits"
    path.write_bytes(b"old")
    with pytest.raises(RuntimeError), _files.replacing(path) as file:
        file.write(b"half of the new")
        raise RuntimeError
    assert tree(tmp_path) == {"digits": b"old"}


def test_a_kill_in_mid_write_is_cleaned_up_later(mnist: Arrays, home: Path) -> None:
    """What a killed kernel leaves is removed when nobody can be writing it any more."""
    (home / "cache").mkdir()
    code = (
        "import os, signal\nfrom pathlib import Path\nfrom mnist_lab import _files\n"
        f"with _files.replacing(Path({str(home / 'cache/mnist.npz')!r})) as file:\n"
        "    file.write(b'half')\n    file.flush()\n"
        "    os.kill(os.getpid(), getattr(signal, 'SIGKILL', signal.SIGTERM))"
    )
    assert subprocess.run([sys.executable, "-c", code]).returncode != 0
    (left,) = (home / "cache").iterdir()
    others = [home / "cache/notes.part", home / "cache/.mnist.npz.txt"]
    for path in others:
        path.write_text("somebody's")
    assert _cache.keep(mnist) == "" and same(data.load_mnist(), mnist)
    assert left.exists(), "another kernel may be writing it"
    for path in (left, *others):
        os.utime(path, (0, time.time() - _cache.UNFINISHED_SECONDS - 1))
    assert same(data.load_mnist(), mnist)
    assert not left.exists() and all(path.exists() for path in others)


def looping(path: Path) -> None:
    path.symlink_to(path)


def dangling(path: Path) -> None:
    path.symlink_to(path.parent / "a disk that is not mounted")


@pytest.mark.parametrize("link", [dangling, looping])
def test_a_link_that_leads_nowhere_is_not_replaced(
    link: Callable[[Path], None],
    mnist: Arrays,
    home: Path,
    server: Server,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (home / "cache").mkdir()
    link(home / "cache/mnist.npz")
    leads = (home / "cache/mnist.npz").readlink()
    assert data.find_cached() is None
    good = server.mirror("good", ("mnist.npz", gives(npz(mnist))))
    monkeypatch.setattr(_mirrors, "MIRRORS", (good,))
    assert same(data.load_mnist(), mnist)
    assert (home / "cache/mnist.npz").readlink() == leads
    assert "from the course's cache (" in data.load_mnist().source
    assert len(server.asked) == 1


@pytest.mark.parametrize("link", [dangling, looping])
def test_a_cache_folder_that_leads_nowhere(
    link: Callable[[Path], None],
    mnist: Arrays,
    home: Path,
    server: Server,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    link(home / "cache")
    good = server.mirror("good", ("mnist.npz", gives(npz(mnist))))
    monkeypatch.setattr(_mirrors, "MIRRORS", (good,))
    assert "It could not be kept: the cache is not writable (" in data.load_mnist().source
    assert (home / "cache").is_symlink()


def test_find_cached_looks_where_load_mnist_does(home: Path) -> None:
    assert data.find_cached() is None
    in_keras, own = home / "keras/datasets/mnist.npz", home / "cache/mnist-2.npz"
    for path in (in_keras, own):
        path.parent.mkdir(parents=True)
        path.write_bytes(b"not proven here")
        assert data.find_cached() == path


@pytest.fixture
def homeless(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No HOME, no entry in passwd and no folder named in its place, as in some containers."""
    for name in ("HOME", "KERAS_HOME", "MNIST_LAB_CACHE", "USERPROFILE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)

    def no_entry(*_: object) -> None:
        raise KeyError("no such user")

    pwd = pytest.importorskip("pwd")
    monkeypatch.setattr(pwd, "getpwuid", no_entry)
    monkeypatch.setattr(pwd, "getpwnam", no_entry)


@pytest.mark.usefixtures("homeless", "sample")
def test_without_a_home_the_sample_comes_and_says_why_nothing_is_kept() -> None:
    assert data.find_cached() is None
    lines = data.load_mnist().source.splitlines()
    assert lines[1] == (
        "- the course's cache: there is no home folder to keep MNIST in: "
        "set MNIST_LAB_CACHE to a folder"
    )
    assert "Keras' cache: ~/.keras/datasets/mnist.npz: there is no home folder" in lines[2]


@pytest.mark.usefixtures("homeless")
def test_without_a_home_mnist_is_read_and_downloaded(
    mnist: Arrays, tmp_path: Path, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "mnist.npz").write_bytes(npz(mnist))
    assert same(data.load_mnist(tmp_path), mnist)
    with pytest.raises(DataError, match=r"load_mnist names ~/mnist\.npz: there is no home folder"):
        data.load_mnist("~/mnist.npz")
    good = server.mirror("good", ("mnist.npz", gives(npz(mnist))))
    monkeypatch.setattr(_mirrors, "MIRRORS", (good,))
    digits = data.load_mnist()
    assert same(digits, mnist)
    assert digits.source.endswith(
        "It could not be kept: there is no home folder to keep MNIST in: "
        "set MNIST_LAB_CACHE to a folder."
    )
