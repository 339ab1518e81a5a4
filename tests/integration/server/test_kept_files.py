"""What providers keep is sent to them once, and goes from there when it goes from here."""

from __future__ import annotations

import asyncio
import json
from base64 import b64encode
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from support.keepers import KEY, NAMES, Keeper, keeper
from support.served import Served, served

from muxi.client.client import Client
from muxi.core.events import RunCompleted
from muxi.core.forgetting import Forget
from muxi.core.messages import AnyPart, FilePart, ImagePart, TextPart
from muxi.core.scope import Scope
from muxi.models import resolve
from muxi.models.model import FREE, ModelProfile
from muxi.models.scripted import ScriptedModel
from muxi.storage import provider_files

PDF = b"%PDF-1.7 " + b"words of a report " * 20_000
PICTURE = b"\x89PNG\r\n\x1a\n" + b"dots" * 80_000
SMALL = b"%PDF-1.7 small"
TAKES = ["image", "audio", "file"]
PROVIDERS = [
    "anthropic",
    pytest.param("openai", marks=pytest.mark.ci),
    pytest.param("google", marks=pytest.mark.ci),
]
WHOLE = Scope("default", None)


@pytest.fixture
async def made() -> AsyncIterator[Keeper]:
    async with keeper() as provider:
        yield provider


def report(data: bytes = PDF, name: str = "report.pdf") -> FilePart:
    return FilePart(media_type="application/pdf", data=data, name=name)


@asynccontextmanager
async def speaking(
    folder: Path,
    made: Keeper,
    provider: str,
    *,
    keep: str = "auto",
    key: str = KEY,
    **more: Any,
) -> AsyncGenerator[Served]:
    """A project whose model is a provider's."""
    model = {"model": NAMES[provider], "base_url": made.base_url(provider), "takes": TAKES}
    declared: dict[str, Any] = {
        "model": "own",
        "models": {"own": {**model, "key": key}},
        "media": {"keep_at_provider": keep},
        **more,
    }
    blind = ScriptedModel([], profile=ModelProfile(price=FREE))
    async with served(folder, blind, **declared) as muxi:
        yield muxi


async def say(muxi: Served, *parts: AnyPart, thread_id: str | None = None) -> str:
    run = await muxi.client.start_run(list(parts), thread_id=thread_id)
    end = (await muxi.follow(run.id))[-1]
    assert isinstance(end, RunCompleted)
    assert end.status == "completed", end.problem
    return run.thread_id


def holds(body: Any, data: bytes) -> bool:
    """Whether a request bears the bytes."""
    return b64encode(data).decode()[:400] in json.dumps(body)


@pytest.mark.parametrize("provider", PROVIDERS)
async def test_bytes_are_sent_once_and_named_by_their_id_from_then_on(
    tmp_path: Path, made: Keeper, provider: str
) -> None:
    async with speaking(tmp_path, made, provider) as muxi:
        thread = await say(muxi, TextPart(text="What does it say?"), report())
        await say(muxi, TextPart(text="And then?"), thread_id=thread)
        await say(muxi, report())
    async with speaking(tmp_path, made, provider) as muxi:
        await say(muxi, TextPart(text="In another process."), thread_id=thread)
    assert [each.data for each in made.sent] == [PDF]
    assert len(made.asked) == 4
    for body in made.asked:
        assert not holds(body, PDF)
        assert "file-1" in json.dumps(body)


async def test_images_are_named_by_their_id_to_responses(tmp_path: Path, made: Keeper) -> None:
    model = resolve.model(
        NAMES["openai"], key=KEY, base_url=made.base_url("openai"), format="responses", takes=TAKES
    )
    picture = ImagePart(media_type="image/png", data=PICTURE)
    async with served(tmp_path, model, media={"keep_at_provider": "auto"}) as muxi:
        thread = await say(muxi, picture, report())
        await say(muxi, TextPart(text="And?"), thread_id=thread)
    assert [each.told["purpose"] for each in made.sent] == ["vision", "user_data"]
    for body in made.asked:
        image, file = body["input"][0]["content"]
        assert image == {"type": "input_image", "detail": "auto", "file_id": "file-1"}
        assert file == {"type": "input_file", "file_id": "file-2"}


async def test_unless_a_project_wants_it_nothing_is_kept(tmp_path: Path, made: Keeper) -> None:
    async with speaking(tmp_path, made, "anthropic", keep="never") as muxi:
        await say(muxi, report())
    assert made.sent == []
    assert holds(made.asked[0], PDF)


@pytest.mark.ci
async def test_what_is_small_goes_along(tmp_path: Path, made: Keeper) -> None:
    async with speaking(tmp_path, made, "anthropic") as muxi:
        await say(muxi, report(SMALL))
    assert made.sent == []
    assert holds(made.asked[0], SMALL)


@pytest.mark.parametrize("provider", PROVIDERS)
async def test_what_a_provider_has_forgotten_is_sent_again_once(
    tmp_path: Path, made: Keeper, provider: str
) -> None:
    async with speaking(tmp_path, made, provider) as muxi:
        thread = await say(muxi, report())
        made.lose()
        await say(muxi, TextPart(text="And then?"), thread_id=thread)
        await say(muxi, TextPart(text="And then?"), thread_id=thread)
    assert len(made.sent) == 2
    assert ["file-2" in json.dumps(body) for body in made.asked] == [False, False, True, True]


async def test_what_cannot_be_kept_goes_along(tmp_path: Path, made: Keeper) -> None:
    made.refusal = 500
    async with speaking(tmp_path, made, "anthropic") as muxi:
        thread = await say(muxi, report())
        made.refusal = 0
        await say(muxi, TextPart(text="Again."), thread_id=thread)
    assert made.sent == [], "it is not tried with every turn"
    assert all(holds(body, PDF) for body in made.asked)


async def test_two_turns_at_once_send_it_once(tmp_path: Path, made: Keeper) -> None:
    made.hold = asyncio.Event()
    async with speaking(tmp_path, made, "google") as muxi:
        turns = [asyncio.create_task(say(muxi, report())) for _ in range(4)]
        await asyncio.wait_for(made.coming.wait(), 60)
        made.hold.set()
        await asyncio.gather(*turns)
    assert len(made.sent) == 1
    assert not any(holds(body, PDF) for body in made.asked)


async def idle(muxi: Served) -> None:
    """Return when nothing is being deleted at providers."""
    task = muxi.runtime.runs.kept_files._task  # pyright: ignore[reportPrivateUsage] -- when it is done is nowhere else to be seen
    assert task is not None
    await asyncio.wait_for(task, 60)


async def tried(muxi: Served, times: int) -> None:
    """Return when the provider has been asked so often to delete the one file that is left."""
    read = partial(provider_files.left, limit=9)
    async with asyncio.timeout(60):
        while True:
            (file,) = await muxi.runtime.database.read(WHOLE, read)
            if file.attempts == times:
                return
            await asyncio.sleep(0.01)


def outside(places: list[str]) -> list[str]:
    """What is said of files that providers still have."""
    return [each for each in places if each.startswith("Files at ")]


@pytest.mark.parametrize("provider", PROVIDERS)
async def test_what_goes_here_goes_there(tmp_path: Path, made: Keeper, provider: str) -> None:
    async with speaking(tmp_path, made, provider) as muxi:
        first, second = await say(muxi, report()), await say(muxi, report())
        await muxi.client.delete_thread(first)
        await idle(muxi)
        assert made.deleted == [], "the other thread shows it too"
        await muxi.client.memories.forget(Forget(threads=[second]))
        await idle(muxi)
        assert made.deleted == ["file-1"]
        assert outside((await muxi.client.memories.verify()).outside) == []
        await say(muxi, report())
        assert len(made.sent) == 2, "another one is sent"


@pytest.mark.ci
async def test_a_deleted_file_that_no_message_shows_goes_from_the_provider(
    tmp_path: Path, made: Keeper
) -> None:
    async with speaking(tmp_path, made, "anthropic") as muxi:
        file = await muxi.client.files.send(PDF, name="report.pdf")
        part = FilePart(media_type="application/pdf", file_id=file.id)
        await muxi.client.delete_thread(await say(muxi, part))
        await idle(muxi)
        assert made.deleted == []
        await muxi.client.files.delete(file.id)
        await idle(muxi)
    assert made.deleted == ["file-1"]


async def test_a_provider_that_does_not_delete_is_asked_again_after_a_restart(
    tmp_path: Path, made: Keeper
) -> None:
    async with speaking(tmp_path, made, "anthropic") as muxi:
        thread = await say(muxi, report())
        made.deaf = 500
        await muxi.client.memories.forget(Forget(threads=[thread]))
        await tried(muxi, 1)
        left = ["Files at anthropic that are to be deleted there and are not yet: 1."]
        assert outside((await muxi.client.memories.verify()).outside) == left
    made.deaf = 0
    async with speaking(tmp_path, made, "anthropic", key="sk-of-somebody-else") as muxi:
        await muxi.runtime.runs.kept_files.sweep("default")
        await tried(muxi, 2)
        assert made.deleted == [], "nobody here has the key that it was sent with"
        assert outside((await muxi.client.memories.verify()).outside) == left
    async with speaking(tmp_path, made, "anthropic") as muxi:
        await muxi.runtime.runs.kept_files.sweep("default")
        await idle(muxi)
        assert outside((await muxi.client.memories.verify()).outside) == []
    assert made.deleted == ["file-1"]


async def test_tenants_share_no_file(tmp_path: Path, made: Keeper, storage: dict[str, Any]) -> None:
    project = speaking(tmp_path, made, "google", **storage)
    async with project as muxi, AsyncExitStack() as stack:
        await muxi.client.tenants.create("acme")
        await say(muxi, report())
        token = muxi.runtime.state.token()
        acme = await stack.enter_async_context(Client(muxi.url, token=token, tenant="acme"))
        run = await acme.start_run([report()])
        assert [each async for each in acme.events(run.id)][-1].type == "run.completed"
        assert len(made.sent) == 2
        assert ["file-2" in json.dumps(body) for body in made.asked] == [False, True]
        await acme.delete_thread(run.thread_id)
        await idle(muxi)
        assert made.deleted == ["file-2"]


async def test_what_a_tool_shows_is_kept_too(tmp_path: Path, made: Keeper) -> None:
    name = NAMES["openai"]
    model = resolve.model(
        name, key=KEY, base_url=made.base_url("openai"), format="responses", takes=TAKES
    )

    def look() -> ImagePart:
        """Look around."""
        return ImagePart(media_type="image/png", data=PICTURE)

    made.calls = "look"
    declared: dict[str, Any] = {"agents": {"a": {"name": "a", "tools": ["look"]}}}
    keep = {"keep_at_provider": "auto"}
    async with served(tmp_path, model, tools={"look": look}, media=keep, **declared) as muxi:
        await say(muxi, TextPart(text="Look!"))
    assert len(made.asked) == 2
    assert [each.data for each in made.sent] == [PICTURE]
    assert not holds(made.asked[1], PICTURE)
    assert made.asked[1]["input"][-1]["output"] == [
        {"type": "input_image", "detail": "auto", "file_id": "file-1"}
    ]


@pytest.mark.ci
async def test_a_refused_file_says_nothing_of_others(tmp_path: Path, made: Keeper) -> None:
    made.refusal = 400
    async with speaking(tmp_path, made, "anthropic") as muxi:
        thread = await say(muxi, report())
        made.refusal = 0
        await say(muxi, report(PDF + b"more"), thread_id=thread)
    assert [each.data for each in made.sent] == [PDF + b"more"]
    assert all(holds(body, PDF) for body in made.asked)


async def left_of_a_report(muxi: Served, made: Keeper) -> provider_files.Left:
    """The file of a thread that has gone, once the provider has failed to delete it."""
    thread = await say(muxi, report())
    made.deaf = 500
    await muxi.client.delete_thread(thread)
    await tried(muxi, 1)
    read = partial(provider_files.left, limit=9)
    (file,) = await muxi.runtime.database.read(WHOLE, read)
    return file


async def test_a_provider_is_asked_a_number_of_times_and_what_it_still_has_is_told(
    tmp_path: Path, made: Keeper, storage: dict[str, Any]
) -> None:
    async with speaking(tmp_path, made, "anthropic", **storage) as muxi:
        await say(muxi, report(PDF + b"shown by a thread"))
        file = await left_of_a_report(muxi, made)
        (told,) = await muxi.client.files.at_providers()
        assert (told.kept, told.left, told.given_up) == (2, 1, 0)
        first = told.failing_since
        assert first is not None
        # All but the last of its attempts have been made.
        almost = replace(file, attempts=provider_files.MOST_ATTEMPTS - 2)
        await muxi.runtime.database.write(
            WHOLE, partial(provider_files.try_later, file=almost, next_try=0)
        )
        await muxi.runtime.runs.kept_files.sweep("default")
        # Nothing is left that may be tried.
        await idle(muxi)
        (told,) = await muxi.client.files.at_providers()
        assert (told.left, told.given_up, told.failing_since) == (1, 1, first)
        made.deaf = 0
        await muxi.runtime.runs.kept_files.sweep("default")
        await idle(muxi)
        assert made.deleted == [], "it was given up"


async def test_what_a_provider_deletes_by_itself_is_spoken_of_no_more(
    tmp_path: Path, made: Keeper
) -> None:
    async with speaking(tmp_path, made, "google") as muxi:
        await left_of_a_report(muxi, made)
        over = "UPDATE provider_files SET expires_at = 1 RETURNING expires_at"
        await muxi.runtime.database.write(WHOLE, lambda tx: tx.raw(over))
        assert await muxi.client.files.at_providers() == []
        await muxi.runtime.runs.kept_files.sweep("default")
        rows = "SELECT count(*) FROM provider_files"
        assert (await muxi.runtime.database.read(WHOLE, lambda tx: tx.raw(rows)))[0][0] == 0
