"""The language model itself: a GGUF file run by xllamacpp in this process, without a port.

Called by `model`. Calls block and run in threads of their own; text comes back piece by piece, and
a call stops at the next piece once nobody listens. Only this file imports xllamacpp.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
import threading
from collections.abc import AsyncGenerator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any, Final

from muxi.core.errors import ContextTooLong, MissingExtra, ModelRejected, WeightsUnavailable

_CACHE_MIB: Final = 0
_UNKNOWN: Final = 0


def default_threads() -> int:
    """One fewer than the cores, so that the event loop keeps one: with all of them in use, the
    workers wait for each other and a busy machine is ten times slower."""
    if hasattr(os, "sched_getaffinity"):
        cores = len(os.sched_getaffinity(0))
    else:
        cores = os.cpu_count() or 1
    return max(1, cores - 1)


@dataclass(slots=True)
class Piece:
    """Part of an answer; the last one has `stop` and the counts."""

    text: str = ""
    stop: str | None = None
    input_tokens: int = 0
    output_tokens: int = 0
    cached_tokens: int = 0


class Engine:
    """One loaded model. Loading happens at the first call."""

    def __init__(self, path: Path, *, threads: int | None = None, context: int = 4096) -> None:
        self.path = path
        self.context = context
        self._threads = threads or default_threads()
        self._lock = threading.Lock()
        self._server: Any = None
        self._folder: str | None = None
        self._pool = ThreadPoolExecutor(1, thread_name_prefix="muxi-llm")

    async def stream(self, body: dict[str, Any]) -> AsyncGenerator[Piece]:
        """Pieces of the answer to a chat completion. Closing the generator stops the work.

        Raises:
            ContextTooLong: The conversation does not fit.
            ModelRejected: The engine refused the request, such as a schema it cannot follow.
        """
        loop = asyncio.get_running_loop()
        pieces: asyncio.Queue[Piece | Exception | None] = asyncio.Queue()
        gone = threading.Event()

        def deliver(item: Piece | Exception | None) -> None:
            if not gone.is_set():
                loop.call_soon_threadsafe(pieces.put_nowait, item)

        def work() -> None:
            try:
                if not gone.is_set():
                    self._answer(body, deliver, gone)
            except Exception as error:  # noqa: BLE001 -- the thread's boundary: the listener raises it
                deliver(error)
            else:
                deliver(None)

        worker = self._pool.submit(work)
        try:
            while (item := await pieces.get()) is not None:
                if isinstance(item, Exception):
                    raise item
                yield item
        finally:
            gone.set()
            if not worker.cancel():
                await asyncio.shield(asyncio.wrap_future(worker))

    def close(self) -> None:
        """Free the model's memory."""
        self._pool.shutdown(wait=True, cancel_futures=True)
        with self._lock:
            self._server = None
            if self._folder is not None:
                shutil.rmtree(self._folder, ignore_errors=True)
                self._folder = None

    def _answer(self, body: dict[str, Any], deliver: Any, gone: threading.Event) -> None:
        server = self._load()
        stop: list[str] = []
        refused: list[dict[str, Any]] = []

        def on_chunk(chunk: dict[str, Any]) -> bool:
            if "error" in chunk:
                refused.append(chunk["error"])
                return True
            for choice in chunk.get("choices", ()):
                text = choice.get("delta", {}).get("content")
                if text:
                    deliver(Piece(text))
                if choice.get("finish_reason"):
                    stop.append(choice["finish_reason"])
            if "usage" in chunk:
                deliver(_final(chunk["usage"], stop))
            return gone.is_set()

        server.handle_chat_completions(
            body | {"stream": True, "stream_options": {"include_usage": True}}, on_chunk
        )
        if refused:
            raise _rejection(refused[0])

    def _load(self) -> Any:
        with self._lock:
            if self._server is None:
                self._server = self._open()
            return self._server

    def _open(self) -> Any:
        try:
            llama: Any = import_module("xllamacpp")
        except ModuleNotFoundError as error:
            raise MissingExtra(
                "The embedded model needs the package `xllamacpp`.",
                hint="Install it with `pip install xllamacpp`.",
            ) from error
        except ImportError as error:
            raise MissingExtra(
                f"The embedded model's package `xllamacpp` cannot be loaded: {error}.",
                hint="Install the library that it lacks: `libgomp1` on Debian.",
            ) from error
        if not self.path.is_file():
            raise WeightsUnavailable(f"There is no file {self.path}.", file=str(self.path))
        self._folder = tempfile.mkdtemp(prefix="muxi-llm-")
        params = llama.CommonParams()
        params.model.path = str(self.path)
        params.hostnames = [str(Path(self._folder) / "llm.sock")]
        params.n_ctx = self.context
        params.n_parallel = 1
        params.cpuparams.n_threads = self._threads
        params.cpuparams_batch.n_threads = self._threads
        params.cache_ram_mib = _CACHE_MIB
        params.verbosity = -1
        params.warmup = False
        try:
            return llama.Server(params)
        except RuntimeError as error:
            raise WeightsUnavailable(
                f"{self.path.name} could not be loaded as a GGUF model.", file=str(self.path)
            ) from error


def _final(usage: dict[str, Any], stop: list[str]) -> Piece:
    details: dict[str, Any] = usage.get("prompt_tokens_details") or {}
    return Piece(
        stop=stop[-1] if stop else "stop",
        input_tokens=usage.get("prompt_tokens", _UNKNOWN),
        output_tokens=usage.get("completion_tokens", _UNKNOWN),
        cached_tokens=details.get("cached_tokens", _UNKNOWN),
    )


def _rejection(error: dict[str, Any]) -> ModelRejected:
    message = str(error.get("message", "The embedded model refused the request."))
    if error.get("type") == "exceed_context_size_error":
        return ContextTooLong(message)
    return ModelRejected(message)
