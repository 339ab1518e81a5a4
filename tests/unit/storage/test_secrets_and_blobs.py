"""Secrets show themselves to nobody, and blobs are whole or absent."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from muxi.core.errors import (
    InvalidInput,
    NotFound,
    StorageCorrupt,
    StorageError,
    StorageReadOnly,
    StorageUnavailable,
)
from muxi.storage import secrets
from muxi.storage.blob_files import BlobFiles
from muxi.storage.database import open_database
from muxi.storage.master_keys import KeyRing, MasterKey, load_file, save_file
from muxi.storage.partial_files import PartialFiles
from muxi.testing.storage.samples import ANN


def test_the_master_key_is_made_once_for_its_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "state" / "master.key"
    made = load_file(path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert load_file(path).current.id == made.current.id
    assert KeyRing.parse(path.read_text()).current.id == made.current.id
    assert [entry.name for entry in path.parent.iterdir()] == ["master.key"]


def test_a_key_that_others_may_read_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "master.key"
    load_file(path)
    path.chmod(0o640)
    with pytest.raises(StorageError, match="Others than its owner") as caught:
        load_file(path)
    assert caught.value.hint == f"chmod 600 {path}"


def test_a_key_that_cannot_be_kept_is_a_typed_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageReadOnly):
        load_file(tmp_path / "file" / "master.key")


@pytest.mark.parametrize("text", ["", "not hex", "ab" * 16])
def test_what_is_no_key_is_refused_without_showing_it(text: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        MasterKey.parse(text)
    assert not text or text not in str(caught.value)
    assert caught.value.__cause__ is None


def test_a_file_holds_former_keys_as_long_as_something_needs_them(tmp_path: Path) -> None:
    path = tmp_path / "master.key"
    ring = load_file(path).renewed()

    save_file(path, ring)

    kept = load_file(path)
    assert [key.id for key in kept.keys] == [key.id for key in ring.keys]
    assert path.stat().st_mode & 0o777 == 0o600
    assert [entry.name for entry in tmp_path.iterdir()] == ["master.key"]
    assert kept.current.text not in repr(kept)
    with pytest.raises(InvalidInput, match="no master key"):
        KeyRing.parse(" , ")


def test_a_key_shows_its_id_only() -> None:
    key = MasterKey(b"\x11" * 32)
    assert "11" * 4 not in repr(key)
    assert key.id in repr(key)
    assert key.id != MasterKey(b"\x12" * 32).id


async def test_a_sealed_value_cannot_be_moved_or_changed() -> None:
    database = await open_database("sqlite://")
    key = KeyRing([MasterKey.fresh()])
    for name in ("mine", "other"):
        await database.write(ANN, lambda tx, n=name: secrets.put(tx, key, n, f"value of {n}"))
    await database.write(
        ANN,
        lambda tx: tx.raw(
            "UPDATE secrets SET (wrapped_key, sealed) = (SELECT wrapped_key, sealed FROM secrets "
            "WHERE name = 'other') WHERE name = 'mine' RETURNING 1"
        ),
    )
    with pytest.raises(StorageError, match="changed or damaged") as caught:
        await database.read(ANN, lambda tx: secrets.get(tx, key, "mine"))
    assert "value of" not in str(caught.value)
    await database.close()


def test_blobs_are_named_by_tenant_and_content(tmp_path: Path) -> None:
    files = BlobFiles(tmp_path)
    blob = files.put("acme/../..", b"content", "text/plain")
    assert files.put("acme/../..", b"content", "text/plain") == blob
    assert files.get("acme/../..", blob.hash) == b"content"
    with pytest.raises(NotFound):
        files.get("other", blob.hash)
    for path in tmp_path.rglob("*"):
        assert not path.name.startswith(".draft")
    with pytest.raises(InvalidInput):
        files.get("acme", "sha256:../../../etc/passwd")


@pytest.mark.parametrize("links", [True, False])
def test_a_file_becomes_a_blob_and_stays_until_it_is_removed(
    links: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise PermissionError(errno.EPERM, "Operation not permitted")

    if not links:
        monkeypatch.setattr(os, "link", refuse)
    unfinished, files = PartialFiles(tmp_path / "unfinished"), BlobFiles(tmp_path / "blobs")
    unfinished.begin("acme", "file_1")
    unfinished.append("acme", "file_1", b"content")
    blob = unfinished.finish("acme", "file_1", "text/plain", into=files)
    assert unfinished.finish("acme", "file_1", "text/plain", into=files) == blob
    unfinished.remove("acme", "file_1")
    assert files.get("acme", blob.hash) == b"content"
    assert [path.name for path in tmp_path.rglob(".draft*")] == []


def test_a_damaged_blob_is_not_handed_out(tmp_path: Path) -> None:
    files = BlobFiles(tmp_path)
    blob = files.put("acme", b"content", "text/plain")
    [path] = [path for path in tmp_path.rglob("*") if path.is_file()]
    path.write_bytes(b"changed")
    with pytest.raises(StorageCorrupt):
        files.get("acme", blob.hash)


def test_only_old_and_unknown_files_are_swept(tmp_path: Path) -> None:
    files = BlobFiles(tmp_path)
    known, old, young = (files.put("acme", text, "text/plain") for text in (b"1", b"2", b"3"))
    for path in tmp_path.rglob("*"):
        if path.is_file() and path.name != young.hash.removeprefix("sha256:"):
            os.utime(path, (0, 0))
    assert files.sweep("acme", {known.hash}) == 1
    assert files.get("acme", known.hash) == b"1"
    assert files.get("acme", young.hash) == b"3"
    with pytest.raises(NotFound):
        files.get("acme", old.hash)


def test_a_folder_that_is_no_folder_is_a_typed_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageUnavailable):
        BlobFiles(tmp_path / "file").put("acme", b"x", "text/plain")
