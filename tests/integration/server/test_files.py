"""Files: sent whole or in pieces, looked at, referred to by messages, fetched, deleted."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import io
import json
import wave
from collections.abc import AsyncIterator, Mapping
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any, NoReturn

import pytest
from PIL import Image
from support.served import Served, served

from muxi.client import files as client_files
from muxi.client.client import Client
from muxi.core.errors import (
    Conflict,
    FileRefused,
    InvalidInput,
    LimitReached,
    NotFound,
    StorageUnavailable,
    TooLarge,
)
from muxi.core.files import UploadedFile
from muxi.core.messages import AudioPart, FilePart, ImagePart, TextPart
from muxi.core.record import now
from muxi.models.scripted import ModelRequest
from muxi.runtime.principal import LOCAL
from muxi.storage import blobs
from muxi.storage import files as stored

TUS = {"Tus-Resumable": "1.0.0"}
PIECE = {**TUS, "Content-Type": "application/offset+octet-stream"}


def picture(width: int = 640, height: int = 400, kind: str = "PNG") -> bytes:
    made = io.BytesIO()
    Image.new("RGB", (width, height), "teal").save(made, kind)
    return made.getvalue()


def sound() -> bytes:
    made = io.BytesIO()
    with wave.open(made, "wb") as writer:
        writer.setnchannels(1)
        writer.setsampwidth(2)
        writer.setframerate(8_000)
        writer.writeframes(bytes(2_000))
    return made.getvalue()


def answer(request: ModelRequest) -> str:
    kinds = [
        f"{part.type}:{part.media_type}:{len(part.data or b'')}"
        for part in request.messages[-1].parts
        if isinstance(part, ImagePart | AudioPart | FilePart)
    ]
    return ", ".join(kinds) or "nothing"


@pytest.fixture
async def muxi(storage: dict[str, Any], tmp_path: Path) -> AsyncIterator[Served]:
    async with served(tmp_path, answer, **storage) as living:
        yield living


@pytest.fixture
async def local(tmp_path: Path) -> AsyncIterator[Served]:
    """For what no database has a part in."""
    async with served(tmp_path, answer) as living:
        yield living


async def _ask(
    muxi: Served, method: str, path: str, data: bytes | None = None, **headers: str
) -> tuple[int, Mapping[str, str], bytes]:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    url = path if path.startswith("http") else muxi.url + path
    async with muxi.http.request(method, url, data=data, headers=named) as response:
        return response.status, response.headers, await response.read()


async def test_a_file_is_sent_whole(muxi: Served) -> None:
    data = picture()
    status, _, told = await _ask(
        muxi, "POST", "/api/files?name=a.png", data, Content_Type="image/png"
    )
    file = UploadedFile.model_validate_json(told)
    assert (status, file.status, file.offset) == (201, "complete", len(data))
    assert (file.kind, file.media_type, file.name) == ("image", "image/png", "a.png")
    assert file.hash == f"sha256:{hashlib.sha256(data).hexdigest()}"
    status, headers, got = await _ask(muxi, "GET", f"/api/files/{file.id}/content")
    assert (status, got, headers["Content-Type"]) == (200, data, "image/png")
    assert headers["Content-Disposition"] == "inline; filename*=UTF-8''a.png"
    status, headers, got = await _ask(
        muxi, "GET", f"/api/files/{file.id}/content", Range="bytes=1-3"
    )
    assert (status, got) == (206, data[1:4])
    assert (await muxi.client.files.page()).items == [file]


async def test_a_file_is_sent_in_pieces_as_tus_says(muxi: Served) -> None:
    data = picture(64, 64)
    metadata = f"filename {base64.b64encode('été.png'.encode()).decode()},private"
    status, headers, _ = await _ask(
        muxi, "POST", "/api/files", **TUS, Upload_Length=str(len(data)), Upload_Metadata=metadata
    )
    assert (status, headers["Upload-Offset"]) == (201, "0")
    assert headers["Upload-Expires"].endswith("GMT")
    place = headers["Location"]
    half = len(data) // 2
    status, headers, _ = await _ask(muxi, "PATCH", place, data[:half], **PIECE, Upload_Offset="0")
    assert (status, headers["Upload-Offset"]) == (204, str(half))
    status, headers, _ = await _ask(muxi, "HEAD", place, **TUS)
    assert (status, headers["Upload-Offset"]) == (200, str(half))
    assert headers["Upload-Length"] == str(len(data))
    assert headers["Cache-Control"] == "no-store"
    # A sender that is wrong about what has come is told.
    status, _, told = await _ask(muxi, "PATCH", place, data[half:], **PIECE, Upload_Offset="0")
    assert (status, json.loads(told)["details"]["offset"]) == (409, half)
    status, _, _ = await _ask(muxi, "PATCH", place, data[half:], **PIECE, Upload_Offset=str(half))
    assert status == 204
    file = await muxi.client.files.get(place.rpartition("/")[2])
    assert (file.status, file.name, file.expires_at) == ("complete", "été.png", None)
    assert await muxi.client.files.content(file.id) == data


async def test_a_file_that_was_broken_off_between_its_bytes_and_its_row_is_gone_on_with(
    local: Served, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = picture(64, 64)

    def fail(*_: object) -> NoReturn:
        raise StorageUnavailable("The database went away.")

    monkeypatch.setattr(stored, "hold", fail)
    status, headers, _ = await _ask(
        local, "POST", "/api/files", **TUS, Upload_Length=str(len(data))
    )
    place = headers["Location"]
    status, _, _ = await _ask(local, "PATCH", place, data, **PIECE, Upload_Offset="0")
    assert status == 503
    monkeypatch.undo()

    open_ = await local.client.files.get(place.rpartition("/")[2])
    assert (open_.status, open_.offset) == ("open", len(data))
    file = await local.client.files.send(data, resume=open_.id)
    assert file.status == "complete"
    assert await local.client.files.content(file.id) == data
    left = local.runtime.files.unfinished.path("default", file.id)
    assert not left.exists()


async def test_what_a_server_can_do_of_tus_is_told(local: Served) -> None:
    status, headers, _ = await _ask(local, "OPTIONS", "/api/files")
    assert (status, headers["Tus-Version"]) == (204, "1.0.0")
    assert int(headers["Tus-Max-Size"]) == 512 << 20
    status, headers, _ = await _ask(
        local, "POST", "/api/files", Tus_Resumable="0.2.2", Upload_Length="1"
    )
    assert (status, headers["Tus-Version"]) == (412, "1.0.0")


@pytest.mark.parametrize(
    ("headers", "status"),
    [
        ({}, 422),
        ({"Upload_Length": "-1"}, 422),
        ({"Upload_Length": "9" * 30}, 422),
        ({"Upload_Length": "1e3"}, 422),
        ({"Upload_Length": str(513 << 20)}, 413),
        ({"Upload_Length": "1", "Upload_Metadata": "filename ***"}, 422),
        ({"Upload_Length": "1", "Upload_Metadata": "filename /w=="}, 422),
    ],
)
async def test_a_wrong_announcement_is_told(
    headers: dict[str, str], status: int, local: Served
) -> None:
    found, _, told = await _ask(local, "POST", "/api/files", **TUS, **headers)
    assert found == status, told
    assert (await local.client.files.page()).items == []


async def _announced(muxi: Served, size: int) -> str:
    _, headers, _ = await _ask(muxi, "POST", "/api/files", **TUS, Upload_Length=str(size))
    return headers["Location"]


async def test_pieces_that_do_not_fit_are_not_kept(muxi: Served) -> None:
    place = await _announced(muxi, 10)
    status, _, _ = await _ask(muxi, "PATCH", place, b"x" * 11, **PIECE, Upload_Offset="0")
    assert status == 413
    other = base64.b64encode(hashlib.sha256(b"other").digest()).decode()
    for checksum in (f"sha256 {other}", "md5 AAAA", "sha256", "sha256 ***"):
        status, _, _ = await _ask(
            muxi, "PATCH", place, b"x" * 5, **PIECE, Upload_Offset="0", Upload_Checksum=checksum
        )
        assert status == 422
    status, headers, _ = await _ask(muxi, "HEAD", place, **TUS)
    assert headers["Upload-Offset"] == "0"
    status, _, _ = await _ask(
        muxi, "PATCH", place, b"x", **TUS, Upload_Offset="0", Content_Type="text/plain"
    )
    assert status == 415
    status, _, _ = await _ask(muxi, "GET", f"{place}/content")
    assert status == 409
    status, _, _ = await _ask(muxi, "GET", f"{place}/thumbnail")
    assert status == 404


async def test_what_came_before_a_restart_need_not_be_sent_again(
    storage: dict[str, Any], tmp_path: Path
) -> None:
    data = picture(64, 64)
    async with served(tmp_path, answer, **storage) as muxi:
        place = await _announced(muxi, len(data))
        await _ask(muxi, "PATCH", place, data[:50], **PIECE, Upload_Offset="0")
    async with served(tmp_path, answer, **storage) as muxi:
        file = await muxi.client.files.send(data, resume=place.rpartition("/")[2])
        assert (file.status, file.media_type) == ("complete", "image/png")


async def test_the_client_sends_in_pieces_and_goes_on_after_a_break(
    muxi: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client_files, "_PIECE", 1_000)
    path = tmp_path / "notes.txt"
    path.write_bytes(b"All that I know. " * 200)
    seen: list[int] = []

    def disturb(come: int, size: int) -> None:
        seen.append(come)
        if come == 1_000:
            # Somebody else sends a piece, so that this client is wrong about what has come.
            unfinished = muxi.runtime.files.unfinished
            (open_file,) = unfinished.folder.glob("*/*")
            with open_file.open("ab") as file:
                file.write(path.read_bytes()[1_000:1_500])

    file = await muxi.client.files.send(path, progress=disturb)
    assert (file.name, file.media_type, file.kind) == ("notes.txt", "text/plain", "document")
    assert await muxi.client.files.content(file.id) == path.read_bytes()
    assert seen[0] == 1_000
    assert seen[-1] == file.size


async def test_a_file_that_became_shorter_is_not_waited_for(
    muxi: Served, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(client_files, "_PIECE", 100_000)
    path = tmp_path / "notes.txt"
    path.write_bytes(b"All that I know. " * 20_000)

    def shorten(come: int, size: int) -> None:
        path.write_bytes(b"")

    with pytest.raises(InvalidInput, match=r"ends after \d+ bytes of the 340000"):
        await asyncio.wait_for(muxi.client.files.send(path, progress=shorten), 60)


@pytest.mark.parametrize(
    ("data", "name", "declared", "found"),
    [
        (picture(8, 8, "JPEG"), "a.png", "image/png", "image/jpeg"),
        (picture(8, 8, "WEBP"), None, None, "image/webp"),
        (picture(8, 8, "GIF"), "a.exe", "application/octet-stream", "image/gif"),
        (sound(), "a.wav", None, "audio/wav"),
        (b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n", None, "text/plain", "application/pdf"),
        (
            b"MZ\x90\0\3\0\0\0",
            "a.png",
            "image/png",
            "application/vnd.microsoft.portable-executable",
        ),
        (b"plain words", "a.md", None, "text/markdown"),
        (b"plain words", None, "image/png", "text/plain"),
        (b'{"a": 1}', "a.json", None, "application/json"),
        (b"\0\1\2\3\xff\xfe" * 9, "a.txt", "text/plain", "application/octet-stream"),
        ("é".encode() * 3_000, "a.txt", None, "text/plain"),
    ],
)
async def test_a_file_is_what_its_bytes_are(
    data: bytes, name: str | None, declared: str | None, found: str, local: Served
) -> None:
    file = await local.client.files.send(data, name=name, media_type=declared)
    assert file.media_type == found


async def test_a_script_is_never_shown_as_a_page(local: Served) -> None:
    for data, name in (
        (b"<!DOCTYPE html><script>alert(1)</script>", "a.html"),
        (b'<svg xmlns="http://www.w3.org/2000/svg"><script/></svg>', "a.svg"),
    ):
        file = await local.client.files.send(data, name=name)
        _, headers, _ = await _ask(local, "GET", f"/api/files/{file.id}/content")
        assert headers["Content-Type"] == "application/octet-stream"
        assert headers["Content-Disposition"].startswith("attachment")
        assert "sandbox" in headers["Content-Security-Policy"]
        assert headers["X-Content-Type-Options"] == "nosniff"


async def test_a_name_is_no_path(local: Served) -> None:
    for name, kept in (
        ("../../etc/passwd", "passwd"),
        ("C:\\x\\y.txt", "y.txt"),
        ("..", None),
        ("a\r\nSet-Cookie: b.txt", "aSet-Cookie: b.txt"),
        ("x" * 250, "x" * 200),
    ):
        file = await local.client.files.send(b"words", name=name)
        assert file.name == kept
        status, headers, _ = await _ask(local, "GET", f"/api/files/{file.id}/content")
        assert status == 200
        assert "Set-Cookie" not in headers


async def test_an_image_has_a_small_picture(muxi: Served) -> None:
    file = await muxi.client.files.send(picture(1_000, 500), name="wide.png")
    status, headers, got = await _ask(muxi, "GET", f"/api/files/{file.id}/thumbnail")
    assert (status, headers["Content-Type"]) == (200, "image/webp")
    with Image.open(io.BytesIO(got)) as small:
        assert small.size == (320, 160)


@pytest.mark.parametrize("kept", [20, 100, 300])
async def test_an_image_that_is_cut_short_is_kept_without_one(kept: int, local: Served) -> None:
    file = await local.client.files.send(picture()[:kept], name="a.png")
    assert file.status == "complete"
    assert file.thumbnail is None


async def test_an_image_that_would_fill_the_memory_has_none(local: Served) -> None:
    made = io.BytesIO()
    Image.new("1", (20_000, 20_000)).save(made, "PNG")
    file = await local.client.files.send(made.getvalue(), name="bomb.png")
    assert (file.media_type, file.thumbnail) == ("image/png", None)


async def test_messages_refer_to_files_and_models_see_their_bytes(muxi: Served) -> None:
    image = await muxi.client.files.send(picture(), name="a.png")
    audio = await muxi.client.files.send(sound(), name="a.wav")
    text = await muxi.client.files.send(b"words", name="a.txt")
    # What it is called in the message does not count, what it is does.
    parts = [FilePart(file_id=each.id) for each in (image, audio, text)]
    run = await muxi.client.start_run([TextPart(text="Look"), *parts])
    await muxi.follow(run.id)
    said, told = await muxi.client.messages(run.thread_id)
    assert told.text == (
        f"image:image/png:{image.size}, audio:audio/wav:{audio.size}, file:text/plain:5"
    )
    assert [part.type for part in said.parts] == ["text", "image", "audio", "file"]
    for part, file in zip(said.parts[1:], (image, audio, text), strict=True):
        assert isinstance(part, ImagePart | AudioPart | FilePart)
        assert (part.blob, part.data, part.file_id, part.name) == (
            file.hash,
            None,
            None,
            file.name,
        )


async def test_bytes_are_in_no_row_and_in_no_event(muxi: Served) -> None:
    data = picture(300, 300)
    file = await muxi.client.files.send(data, name="a.png")
    run = await muxi.client.start_run([ImagePart(file_id=file.id)])
    told = "".join(event.model_dump_json() for event in await muxi.follow(run.id))
    marks = [base64.b64encode(data)[30:90], data[30:90]]
    rows = await muxi.runtime.database.read(
        LOCAL,
        lambda tx: [
            *tx.raw("SELECT record FROM messages"),
            *tx.raw("SELECT record FROM events"),
            *tx.raw("SELECT record FROM files"),
            *tx.raw("SELECT record FROM runs"),
            *tx.raw("SELECT record FROM steps"),
        ],
    )
    text = (told + "".join(str(row[0]) for row in rows)).encode()
    assert len(rows) > 3
    assert not any(mark in text for mark in marks)


async def test_a_file_that_is_not_complete_cannot_be_referred_to(muxi: Served) -> None:
    place = await _announced(muxi, 10)
    with pytest.raises(Conflict):
        await muxi.client.start_run([ImagePart(file_id=place.rpartition("/")[2])])
    with pytest.raises(NotFound):
        await muxi.client.start_run([ImagePart(file_id="file_x")])


async def test_nobody_has_the_file_of_another(muxi: Served) -> None:
    file = await muxi.client.files.send(picture(), name="a.png")
    async with Client(muxi.url, token=muxi.runtime.state.token(), user="ann") as ann:
        assert (await ann.files.page()).items == []
        with pytest.raises(NotFound):
            await ann.files.get(file.id)
        with pytest.raises(NotFound):
            await ann.files.content(file.id)
        with pytest.raises(NotFound):
            await ann.files.delete(file.id)
        with pytest.raises(NotFound):
            await ann.files.send(picture(), resume=file.id)
        with pytest.raises(NotFound):
            await ann.start_run([ImagePart(file_id=file.id)])
        with pytest.raises(NotFound):
            await ann.start_run([ImagePart(blob=file.hash)])


async def test_a_message_keeps_what_it_refers_to(muxi: Served) -> None:
    data = picture()
    file = await muxi.client.files.send(data, name="a.png")
    again = await muxi.client.files.send(data, name="b.png")
    assert again.hash == file.hash
    run = await muxi.client.start_run([ImagePart(file_id=file.id)])
    await muxi.follow(run.id)
    await muxi.client.files.delete(file.id)
    await muxi.client.files.delete(again.id)
    with pytest.raises(NotFound):
        await muxi.client.files.get(file.id)
    assert (await _ask(muxi, "GET", f"/api/blobs/{file.hash}"))[2] == data
    used = partial(blobs.references, hash=file.hash or "")
    assert await muxi.runtime.database.read(LOCAL, used) == 1


async def test_what_is_too_large_or_too_much_is_refused(tmp_path: Path) -> None:
    limits = {"megabytes": 2, "quota_megabytes": 3}
    async with served(tmp_path, answer, files=limits) as muxi:
        with pytest.raises(TooLarge):
            await muxi.client.files.send(bytes((2 << 20) + 1))
        await muxi.client.files.send(b"a" * (2 << 20))
        with pytest.raises(LimitReached):
            await muxi.client.files.send(b"b" * (2 << 20))
        # Announcing alone takes room, and giving up gives it back.
        place = await _announced(muxi, 1 << 20)
        with pytest.raises(LimitReached):
            await muxi.client.files.send(b"b")
        status, _, _ = await _ask(muxi, "DELETE", place, **TUS)
        assert status == 204
        await muxi.client.files.send(b"b")


async def test_only_kinds_that_are_taken_are_kept(tmp_path: Path) -> None:
    async with served(tmp_path, answer, files={"accept": ["image/*", "text/plain"]}) as muxi:
        await muxi.client.files.send(picture(), name="a.png")
        with pytest.raises(FileRefused):
            await muxi.client.files.send(sound(), name="a.png", media_type="image/png")
        assert len((await muxi.client.files.page()).items) == 1
        assert list(muxi.runtime.files.unfinished.folder.glob("*/*")) == []


SCANNERS: dict[str, Any] = {
    "function": "scanning.py:scan",
    "coroutine": "scanning.py:scan_slowly",
    "command": ["sh", "-c", 'if grep -q EICAR "$0"; then echo a virus; exit 1; fi', "{path}"],
}


@pytest.mark.parametrize("scanner", SCANNERS)
async def test_a_scanner_looks_first(scanner: str, tmp_path: Path) -> None:
    (tmp_path / "scanning.py").write_text(
        "def scan(path, media_type):\n"
        "    return 'a virus' if b'EICAR' in path.read_bytes() else None\n"
        "async def scan_slowly(path, media_type):\n"
        "    return scan(path, media_type)\n"
    )
    async with served(tmp_path, answer, files={"scan": SCANNERS[scanner]}) as muxi:
        await muxi.client.files.send(b"harmless")
        with pytest.raises(FileRefused, match="a virus"):
            await muxi.client.files.send(b"EICAR")
        assert len((await muxi.client.files.page()).items) == 1


@pytest.mark.parametrize(
    "scan", [["false-scanner-that-is-not-there"], ["sh", "-c", "exit 7"], ["sh", "-c", "kill $$"]]
)
async def test_a_scanner_that_fails_lets_nothing_pass(scan: list[str], tmp_path: Path) -> None:
    async with served(tmp_path, answer, files={"scan": scan}) as muxi:
        status, _, told = await _ask(muxi, "POST", "/api/files", b"harmless")
        assert (status, json.loads(told)["code"]) == (503, "program_failed")
        (file,) = (await muxi.client.files.page()).items
        assert file.status == "open"
        with pytest.raises(Conflict):
            await muxi.client.start_run([FilePart(file_id=file.id)])


async def test_what_was_given_up_is_dropped(muxi: Served) -> None:
    place = await _announced(muxi, 10)
    file_id = place.rpartition("/")[2]

    def age(tx: Any) -> None:
        file = stored.get(tx, file_id)
        file.expires_at = now() - timedelta(seconds=1)
        stored.update(tx, file)

    await muxi.runtime.database.write(LOCAL, age)
    await muxi.runtime.files.sweep(LOCAL.tenant)
    assert (await muxi.client.files.page()).items == []
    assert list(muxi.runtime.files.unfinished.folder.glob("*/*")) == []


async def test_a_repeated_announcement_makes_one_file(muxi: Served) -> None:
    places = [
        (await _ask(muxi, "POST", "/api/files", **TUS, Upload_Length="10", Idempotency_Key="k1"))[
            1
        ]["Location"]
        for _ in range(2)
    ]
    assert places[0] == places[1]
    status, _, _ = await _ask(
        muxi, "POST", "/api/files", **TUS, Upload_Length="11", Idempotency_Key="k1"
    )
    assert status == 422


async def test_an_empty_file_is_a_file(muxi: Served) -> None:
    file = await muxi.client.files.send(b"", name="empty.txt")
    assert (file.status, file.size) == ("complete", 0)
    assert await muxi.client.files.content(file.id) == b""
