"""The loop of a thread of its own: whoever would wait for it for ever is told so."""

from __future__ import annotations

import asyncio
import os

import pytest

from muxi.core.background import BackgroundLoop
from muxi.core.errors import InvalidInput


def test_a_process_that_was_forked_has_no_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    with BackgroundLoop() as loop:
        with monkeypatch.context() as forked:
            forked.setattr(os, "getpid", lambda: -1)
            with pytest.raises(InvalidInput, match="another process"):
                loop.run(asyncio.sleep(0))
        loop.run(asyncio.sleep(0))


def test_what_the_loop_calls_cannot_wait_for_it() -> None:
    async def call_back() -> None:
        loop.run(asyncio.sleep(0))

    with BackgroundLoop() as loop, pytest.raises(InvalidInput, match="calls itself"):
        loop.run(call_back())
