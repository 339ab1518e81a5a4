"""Text of every kind and size, through every door: it comes back, or is told why it cannot."""

from __future__ import annotations

import asyncio
import json
import subprocess
import sys

import pytest

from muxi import Agent
from muxi.models.scripted import ScriptedModel
from tests.support.unlucky import Unlucky, ending

TEXTS = {
    "emoji": "🎉👩‍👩‍👧‍👦🏳️‍🌈",
    "right to left": "שלום مرحبا \u202eabc\u202c",
    "nul": "before\x00after",
    "controls": "\x1b[31mred\x07\x7f\u0085\u2028",
    "combining": "Z" + "\u0301" * 300,
    "astral": "\U0010ffff\ufeff",
}
HALF = "half \ud83d of a pair"
FIVE_MEGABYTES = 5_000_000


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
async def test_text_through_the_server_comes_back_unharmed(text: str, unlucky: Unlucky) -> None:
    async with unlucky.served() as muxi:
        thread, events = await muxi.answer(text)
        assert ending(events).text == f"You said {len(text)} letters: {text[:50]}"
        said = [message.text for message in await muxi.client.messages(thread)]
        assert said == [text, ending(events).text]
    sent = unlucky.provider.asked[-1]["messages"][-1]["content"]
    assert sent == text


async def test_half_a_pair_is_replaced_once_and_for_all(unlucky: Unlucky) -> None:
    whole = "half \ufffd of a pair"
    async with unlucky.served() as muxi:
        thread, events = await muxi.answer(HALF)
        assert ending(events).status == "completed"
        assert (await muxi.client.messages(thread))[0].text == whole
    assert unlucky.provider.asked[-1]["messages"][-1]["content"] == whole


async def test_five_megabytes_go_in_and_come_back(unlucky: Unlucky) -> None:
    async with unlucky.served() as muxi:
        for text in ("x" * FIVE_MEGABYTES, "🎉" * (FIVE_MEGABYTES // 4)):
            thread, events = await muxi.answer(text)
            assert f"{len(text)} letters" in ending(events).text
            assert (await muxi.client.messages(thread))[0].text == text


async def test_any_text_passes_an_agent_of_a_script() -> None:
    for text in (*TEXTS.values(), HALF, "x" * FIVE_MEGABYTES):
        agent = Agent("a", model=ScriptedModel(lambda request: f"ok {request.messages[-1].text}"))
        result = await agent.run(text)
        assert result.text == f"ok {text.encode(errors='replace').decode()}".replace(
            "half ? of", "half \ufffd of"
        )


@pytest.mark.ci
async def test_any_bytes_pass_through_a_pipe(unlucky: Unlucky) -> None:
    for given, told in (
        (b"nul \x00 inside", "You said 12 letters: nul \x00 inside"),
        (b"lone \xed\xa0\x80 x", "You said 10 letters: lone \ufffd\ufffd\ufffd x"),
        ("שלום 🎉".encode(), "You said 6 letters: שלום 🎉"),
        (b"z" * FIVE_MEGABYTES, f"You said {FIVE_MEGABYTES} letters: {'z' * 50}"),
    ):
        done = await asyncio.to_thread(
            subprocess.run,
            [sys.executable, "-m", "muxi", "run"],
            input=given,
            cwd=unlucky.folder,
            env=unlucky.environment,
            capture_output=True,
            timeout=120,
            check=False,
        )
        assert (done.returncode, done.stdout.decode()) == (0, told + "\n"), done.stderr
    done = await unlucky("run", "--json", "\udcff arguments of any bytes")
    assert done.code == 0
    assert json.loads(done.out.splitlines()[-1])["text"].endswith("\ufffd arguments of any bytes")
    done = await unlucky("threads", "show", "\udcff")
    assert done.code == 1
    assert done.err.startswith("error: There is no thread")


@pytest.mark.ci
async def test_more_than_a_message_may_hold_is_told(unlucky: Unlucky) -> None:
    done = await unlucky("run", input="z" * 70_000_000)
    assert (done.code, done.out) == (2, "")
    assert "larger than 64 MiB" in done.err
    assert "hint: " in done.err
