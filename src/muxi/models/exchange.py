"""One request to a provider and its answer: chunks of bytes, or an error in our words.

Called by `models.endpoint` only, which owns the connections and the key.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator, Mapping
from contextlib import aclosing
from email.utils import parsedate_to_datetime
from typing import Any

import aiohttp
import msgspec
from yarl import URL

from muxi.core.errors import ModelConnectionError, ModelError, ModelProtocolError, ModelTimeout
from muxi.core.record import now
from muxi.wire.failures import Complaint, failure, read_complaint
from muxi.wire.sse import SseEvent, SseReader

_MAX_ERROR_BYTES = 64 * 1024
_LEFT_OVER = 0.25
"""Seconds to wait for the end of a stream after its last event."""
_REQUEST_IDS = ("x-request-id", "request-id", "x-goog-request-id", "apim-request-id", "cf-ray")


class _Whole:
    """Stands in for the reader of events when a provider answers with one JSON document."""

    def __init__(self) -> None:
        self._pieces: list[bytes] = []

    def feed(self, chunk: bytes) -> Iterator[SseEvent]:
        self._pieces.append(chunk)
        return iter(())

    def rest(self) -> Iterator[SseEvent]:
        if self._pieces:
            yield SseEvent("message", b"".join(self._pieces))


class _Events(SseReader):
    """The reader of events; what is not ended by a blank line is void."""

    __slots__ = ()

    def rest(self) -> Iterator[SseEvent]:
        return iter(())


class Exchange:
    """One request and its answer."""

    __slots__ = (
        *("_model", "_provider", "_request_id", "_scrub", "_status"),
        *("headers", "reader", "satisfied"),
    )

    def __init__(self, provider: str, model: str, scrub: Callable[[str], str]) -> None:
        self._provider = provider
        self._model = model
        self._scrub = scrub
        self._request_id: str | None = None
        self._status: int | None = None
        self.headers: Mapping[str, str] = {}
        """Of the answer, once there is one."""
        self.reader: _Events | _Whole = _Events()
        self.satisfied = False
        """Set by the reader of the chunks when it needs no more of them."""

    async def chunks(self, sending: Awaitable[aiohttp.ClientResponse]) -> AsyncGenerator[bytes]:
        """The body of the answer that `sending` brings, as it comes, when its status is 200."""
        response: aiohttp.ClientResponse | None = None
        problem: ModelError | None = None
        try:
            response = await sending
            await self._check(response)
            read = response.content.readany
            while chunk := await read():
                yield chunk
                if self.satisfied:
                    if not response.content.at_eof():
                        await _drain(read)
                    return
        except (aiohttp.ClientError, OSError, ValueError) as error:
            problem = _transport_problem(error)
        finally:
            # Closes the connection, unless the answer was read to its end.
            if response is not None:
                response.close()
        # Raised here and not above: the library's errors hold the headers, and so the key, and
        # must not hang on ours as their context.
        if problem is not None:
            raise problem

    async def whole(self, sending: Awaitable[aiohttp.ClientResponse]) -> bytes:
        """The body of the answer that `sending` brings, in one piece."""
        try:
            async with aclosing(self.chunks(sending)) as chunks:
                return b"".join([chunk async for chunk in chunks])
        except ModelError as error:
            self.explain(error)
            raise

    async def _check(self, response: aiohttp.ClientResponse) -> None:
        self._status = response.status
        self.headers = headers = response.headers
        for name in _REQUEST_IDS:
            if name in headers:
                self._request_id = headers[name][:200]
                break
        if response.status != 200:
            raise await _refusal(response)
        kind = headers.get("Content-Type", "")
        if "json" in kind:
            self.reader = _Whole()
        elif "html" in kind:
            raise ModelProtocolError("The answer is a web page.")

    def explain(self, error: ModelError) -> None:
        """Add to `error` who failed, and take the key out of it."""
        details = {
            "provider": self._provider,
            "model": self._model or None,
            "status": self._status,
            "request_id": self._request_id,
        }
        for name, value in details.items():
            if value is not None:
                error.details.setdefault(name, value)
        for name, value in error.details.items():
            if isinstance(value, str):
                error.details[name] = self._scrub(value)
        facts = [f"HTTP {self._status}"] if self._status not in (None, 200) else []
        if self._request_id is not None:
            facts.append(f"request {self._request_id}")
        message = f"{self._model or self._provider}: {error.message}"
        if facts:
            message = f"{message} ({', '.join(facts)})"
        error.message = self._scrub(message)
        error.args = (error.message,)


async def _drain(read: Callable[[], Awaitable[bytes]]) -> None:
    """Read what is left of an answer that is complete. Only an answer that was read to its end
    leaves its connection to the next one; a server that goes on is left instead."""
    try:
        async with asyncio.timeout(_LEFT_OVER):
            while await read():
                pass
    except (aiohttp.ClientError, OSError):
        pass


def _transport_problem(error: Exception) -> ModelError:
    if isinstance(error, aiohttp.ConnectionTimeoutError):
        return ModelTimeout("The connection could not be made in time.")
    if isinstance(error, TimeoutError):
        return ModelTimeout()
    if isinstance(error, aiohttp.ClientResponseError | aiohttp.InvalidURL | ValueError):
        return ModelProtocolError("The answer is not HTTP as it should be.")
    if isinstance(error, aiohttp.ClientConnectorError):
        words = error.strerror or type(error.os_error).__name__
        return ModelConnectionError(f"Cannot connect to {error.host}:{error.port}: {words}.")
    return ModelConnectionError("The connection was cut.")


async def _refusal(response: aiohttp.ClientResponse) -> ModelError:
    """The error for an answer whose status is not 200."""
    body = b""
    async for chunk in response.content.iter_any():
        body += chunk
        if len(body) > _MAX_ERROR_BYTES:
            break
    payload: Any
    try:
        payload = msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        is_page = "html" in response.headers.get("Content-Type", "")
        payload = "" if is_page else body[:_MAX_ERROR_BYTES].decode("utf-8", "replace")
    complaint = read_complaint(payload)
    if not complaint.message:
        reason = response.reason or ""
        complaint = Complaint(reason, complaint.code, complaint.kind, complaint.retry_after, None)
    if 300 <= response.status < 400:
        host = URL(response.headers.get("Location", "")).host
        complaint = complaint._replace(message=f"The provider redirects to {host or 'elsewhere'}.")
    wait = _retry_after(response.headers)
    if wait is None:
        wait = complaint.retry_after
    return failure(complaint, status=response.status, retry_after=wait)


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds to wait, by `retry-after-ms` or `Retry-After` (seconds or a date, RFC 9110)."""
    for name, unit in (("retry-after-ms", 1000.0), ("Retry-After", 1.0)):
        value = headers.get(name)
        if value is None:
            continue
        try:
            seconds = float(value) / unit
        except ValueError:
            seconds = _seconds_until(value)
        if seconds is not None and 0 <= seconds < 1e9:
            return seconds
    return None


def _seconds_until(date: str) -> float | None:
    try:
        moment = parsedate_to_datetime(date)
    except ValueError:
        return None
    return max(0.0, (moment - now()).total_seconds()) if moment.tzinfo else None
