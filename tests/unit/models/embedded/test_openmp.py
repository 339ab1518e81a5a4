"""The OpenMP library: fetched where the system has none, and found by the engine under its name."""

from __future__ import annotations

import platform
import subprocess
import sys
from pathlib import Path

import pytest

from muxi.models.embedded import openmp
from muxi.models.embedded.weights import WeightStore

LOOK = """
import sys
from pathlib import Path
from muxi.models.embedded import openmp

openmp.load(Path(sys.argv[1]))
import xllamacpp

for line in Path("/proc/self/maps").read_text().splitlines():
    if "libgomp" in line:
        print(line.split(maxsplit=5)[5])
"""
HERE = platform.machine() in openmp.LIBRARIES and sys.platform == "linux"


def _without_libgomp(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(name: str) -> None:
        raise OSError(f"{name}: cannot open shared object file: No such file or directory")

    monkeypatch.setattr(openmp.ctypes, "CDLL", refuse)


@pytest.mark.skipif(not HERE, reason="xllamacpp needs no libgomp of the system here")
def test_a_system_without_libgomp_needs_the_library_of_its_architecture(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    _without_libgomp(monkeypatch)
    assert openmp.needed() == (openmp.LIBRARIES[platform.machine()],)
    monkeypatch.setattr(openmp.platform, "machine", lambda: "riscv64")
    assert openmp.needed() == ()


def test_nothing_is_fetched_where_the_system_has_libgomp(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(openmp.ctypes, "CDLL", lambda _name: None)
    openmp.provide(WeightStore(tmp_path))
    assert list(tmp_path.iterdir()) == []


@pytest.mark.ci
@pytest.mark.skipif(not HERE, reason="xllamacpp needs no libgomp of the system here")
def test_the_engine_is_linked_with_the_library_that_was_fetched(tmp_path: Path) -> None:
    [path] = WeightStore(tmp_path).fetch(openmp.LIBRARIES[platform.machine()])
    look = [sys.executable, "-c", LOOK, str(path)]
    done = subprocess.run(look, capture_output=True, text=True, timeout=120, check=True)
    loaded = set(done.stdout.splitlines())
    # The system's own one, where there is one, was not looked for any more.
    assert loaded
    assert all(name.startswith(f"{tmp_path}/libgomp.so.1.") for name in loaded)
    assert sorted(tmp_path.iterdir()) == [tmp_path / ".lock", path]
