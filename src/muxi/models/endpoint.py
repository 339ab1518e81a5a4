"""One address of a provider: connections, headers, time limits, and HTTP failures in our words.

Model classes call `stream` with a decoder of `wire`. An endpoint never follows redirects, never
shows its key, and never retries: `models.retry` does.
"""

from __future__ import annotations

import asyncio
import io
from collections.abc import AsyncGenerator, Iterator, Mapping, MutableMapping
from contextlib import aclosing
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from typing import TYPE_CHECKING, Literal
from urllib.parse import quote, urlsplit
from weakref import WeakKeyDictionary, WeakValueDictionary

import aiohttp
from yarl import URL

from muxi.core.errors import ConfigError, ModelError
from muxi.core.events import ModelEvent
from muxi.models.exchange import Exchange
from muxi.wire.joining import joined

if TYPE_CHECKING:
    from muxi.wire.decoder import Decoder

_LARGE_BODY = 1 << 20
_SSE = "text/event-stream"
_JSON = "application/json"


class Secret:
    """A key in an object that does not show it."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value.strip()

    def reveal(self) -> str:
        return self._value

    def __repr__(self) -> str:
        return "Secret(***)"


@dataclass(slots=True, frozen=True)
class Timeouts:
    """Seconds. None is no bound."""

    connect: float | None = 15.0
    """For the connection to be made, TLS included."""
    idle: float | None = 180.0
    """Between two pieces of an answer, and before the first."""


class Endpoint:
    """Connections to one base URL, shared by all models behind it.

    There is one session an event loop; it is made when first used and closed with the loop, so
    that the same model serves several loops, one after the other or at once.

    Args:
        base_url: Address that paths are appended to.
        provider: Name for errors, such as `openai`.
        key: The API key; sent in `key_header` and never shown.
        key_header: Header that bears the key.
        key_prefix: What stands before the key in that header.
        headers: Further headers of every request; their values are not shown either.
        query: Parameters of every request, such as Azure's `api-version`.
        timeouts: Time limits.
        proxy: URL of a HTTP proxy.
    """

    def __init__(
        self,
        base_url: str,
        *,
        provider: str,
        key: Secret | str | None = None,
        key_header: str = "Authorization",
        key_prefix: str = "Bearer ",
        headers: Mapping[str, str] | None = None,
        query: Mapping[str, str] | None = None,
        timeouts: Timeouts | None = None,
        proxy: str | None = None,
    ) -> None:
        if urlsplit(base_url).scheme not in ("http", "https"):
            raise ConfigError(
                f"The base URL {base_url!r} of {provider} is not an http or https address.",
                hint="Write it in full, such as http://localhost:11434/v1.",
            )
        self.base_url = base_url.rstrip("/")
        self.provider = provider
        self._secret = Secret(key) if isinstance(key, str) else key
        self._key_header = key_header
        self._key_prefix = key_prefix
        self._headers = dict(headers or {})
        self._query = dict(query or {})
        self._timeouts = timeouts or Timeouts()
        self._proxy = proxy
        self._busy = 0
        self._urls: dict[str, URL] = {}
        self._limits: dict[float | None, aiohttp.ClientTimeout] = {}
        self._sessions: WeakKeyDictionary[asyncio.AbstractEventLoop, _Kept] = WeakKeyDictionary()

    def __repr__(self) -> str:
        return f"Endpoint({self.base_url!r}, provider={self.provider!r})"

    async def stream(
        self,
        path: str,
        body: bytes,
        decoder: Decoder,
        *,
        model: str = "",
        headers: Mapping[str, str] | None = None,
        idle: float | None = None,
    ) -> AsyncGenerator[ModelEvent]:
        """POST `body` and yield what `decoder` makes of the answer.

        Closing the generator closes the connection at once. The end of a complete answer is waited
        for shortly, so that the connection can serve the next call.

        Args:
            path: Appended to the base URL; begins with a slash.
            body: JSON, encoded.
            decoder: Fresh state for this one answer.
            model: `provider/model`, for errors.
            headers: Added to those of the endpoint.
            idle: Seconds between two pieces; None for the endpoint's own bound.

        Raises:
            ModelError: Any failure, with provider, model, status and request id in `details`.
        """
        exchange = Exchange(self.provider, model, self.scrub)
        self._busy += 1
        try:
            async with aclosing(
                exchange.chunks(self._send(path, body, _SSE, headers, idle))
            ) as data:
                async for chunk in data:
                    for item in joined(_decoded(chunk, exchange, decoder)):
                        yield item
            for event in exchange.reader.rest():
                for item in decoder.feed(event):
                    yield item
            if not decoder.done:
                for item in decoder.end():
                    yield item
        except ModelError as error:
            exchange.explain(error)
            raise
        finally:
            self._busy -= 1

    async def post_json(
        self,
        path: str,
        body: bytes,
        *,
        model: str = "",
        headers: Mapping[str, str] | None = None,
        idle: float | None = None,
    ) -> bytes:
        """POST `body` and return the answer's bytes, undecoded; errors as in `stream`."""
        exchange = Exchange(self.provider, model, self.scrub)
        self._busy += 1
        try:
            return await exchange.whole(self._send(path, body, _JSON, headers, idle))
        finally:
            self._busy -= 1

    async def ask(
        self,
        method: Literal["GET", "POST", "DELETE"],
        path: str,
        body: bytes = b"",
        *,
        headers: Mapping[str, str] | None = None,
        idle: float | None = None,
    ) -> tuple[bytes, Mapping[str, str]]:
        """One request of any other kind; the answer's bytes and headers. Errors as in `stream`.

        `path` is below the base URL, or with two slashes before it, below the root of its host: to
        another host, no key is ever sent.
        """
        exchange = Exchange(self.provider, "", self.scrub)
        self._busy += 1
        try:
            sending = self._send(path, body, _JSON, headers, idle, method=method)
            return await exchange.whole(sending), exchange.headers
        finally:
            self._busy -= 1

    async def stream_bytes(
        self, path: str, body: bytes, *, model: str = "", idle: float | None = None
    ) -> AsyncGenerator[bytes]:
        """POST `body` and yield the answer's bytes as they come; errors as in `stream`."""
        exchange = Exchange(self.provider, model, self.scrub)
        self._busy += 1
        try:
            sending = self._send(path, body, "*/*", None, idle)
            async with aclosing(exchange.chunks(sending)) as chunks:
                async for chunk in chunks:
                    yield chunk
        except ModelError as error:
            exchange.explain(error)
            raise
        finally:
            self._busy -= 1

    async def close(self) -> None:
        """Close the connections of the running loop, unless another model is using them; other
        loops close theirs as they end. A later call opens them anew."""
        loop = asyncio.get_running_loop()
        if self._busy:
            return
        for owner, kept in list(self._sessions.items()):
            if owner is loop or owner.is_closed():
                await kept.keeper.aclose()

    def scrub(self, text: str) -> str:
        """`text` without the key, in case a provider sent it back."""
        key = self._secret.reveal() if self._secret else ""
        for secret in (key, quote(key, safe=""), *self._headers.values()):
            if len(secret) >= 8:
                text = text.replace(secret, "***")
        return text

    @cached_property
    def account(self) -> str:
        """Digest of the address and of all that tells the provider who asks."""
        key = self._secret.reveal() if self._secret else ""
        told = repr((self.base_url, key, sorted(self._headers.items())))
        return sha256(told.encode("utf-8", "replace")).hexdigest()[:32]

    async def _send(
        self,
        path: str,
        body: bytes,
        accept: str,
        headers: Mapping[str, str] | None,
        idle: float | None,
        *,
        method: str = "POST",
    ) -> aiohttp.ClientResponse:
        session = await self._session()
        url = self._urls.get(path)
        if url is None:
            url = self._address(path)
            # Other paths bear an id, and would be remembered without end.
            if method == "POST" and not path.startswith("//"):
                self._urls[path] = url
        limit = self._limits.get(idle)
        if limit is None:
            limit = self._limits[idle] = aiohttp.ClientTimeout(
                total=None,
                sock_connect=self._timeouts.connect,
                sock_read=self._timeouts.idle if idle is None else idle,
            )
        # aiohttp warns of large bodies that are bytes, and takes them as a file.
        data = io.BytesIO(body) if len(body) > _LARGE_BODY else body or None
        return await session.request(
            method,
            url,
            data=data,
            headers={"Accept": accept, **headers} if headers else {"Accept": accept},
            timeout=limit,
            allow_redirects=False,
        )

    def _address(self, path: str) -> URL:
        if path.startswith("//"):
            address = f"{URL(self.base_url).origin()}{path[1:]}"
        else:
            address = self.base_url + path
        return URL(address).update_query(self._query)

    async def _session(self) -> aiohttp.ClientSession:
        """The session of the running loop, made when first asked for."""
        loop = asyncio.get_running_loop()
        kept = self._sessions.get(loop)
        if kept is not None:
            return kept.session
        for owner, stale in list(self._sessions.items()):
            if owner.is_closed():
                await stale.keeper.aclose()
        if (kept := self._sessions.get(loop)) is not None:
            return kept.session  # another call was faster
        headers = {
            "User-Agent": "muxi",
            "Content-Type": "application/json",
            "Accept-Encoding": "identity",
            **self._headers,
        }
        if self._secret is not None:
            headers[self._key_header] = self._key_prefix + self._secret.reveal()
        keeper = _keep_session(headers, self._proxy, self._sessions)
        # The first step of the keeper never suspends, so no other task can come in between.
        session = await anext(keeper)
        self._sessions[loop] = _Kept(session, keeper)
        return session


def _decoded(chunk: bytes, exchange: Exchange, decoder: Decoder) -> Iterator[ModelEvent]:
    for event in exchange.reader.feed(chunk):
        yield from decoder.feed(event)
        if decoder.done:
            exchange.satisfied = True
            return


_shared: WeakValueDictionary[str, Endpoint] = WeakValueDictionary()


def shared_endpoint(
    base_url: str,
    *,
    provider: str,
    key: str | None,
    key_header: str,
    key_prefix: str,
    headers: Mapping[str, str],
    query: Mapping[str, str] | None,
    timeouts: Timeouts,
    proxy: str | None = None,
) -> Endpoint:
    """The endpoint of these arguments, the same one for all who ask while it is in use."""
    told = (base_url, provider, key, key_header, sorted(headers.items()), query, timeouts, proxy)
    # A hash, so that no key lies about in a table.
    name = sha256(repr(told).encode("utf-8", "replace")).hexdigest()
    endpoint = _shared.get(name)
    if endpoint is None:
        endpoint = _shared[name] = Endpoint(
            base_url,
            provider=provider,
            key=key,
            key_header=key_header,
            key_prefix=key_prefix,
            headers=headers,
            query=query,
            timeouts=timeouts,
            proxy=proxy,
        )
    return endpoint


@dataclass(slots=True, frozen=True)
class _Kept:
    session: aiohttp.ClientSession
    keeper: AsyncGenerator[aiohttp.ClientSession]


async def _keep_session(
    headers: dict[str, str],
    proxy: str | None,
    sessions: MutableMapping[asyncio.AbstractEventLoop, _Kept],
) -> AsyncGenerator[aiohttp.ClientSession]:
    """A session that lives as long as this generator. Event loops close their generators before
    they end, also when nobody closed the endpoint, and so no connection is left open."""
    loop = asyncio.get_running_loop()
    session = aiohttp.ClientSession(
        headers=headers,
        proxy=proxy,
        connector=aiohttp.TCPConnector(limit=0, keepalive_timeout=30),
        cookie_jar=aiohttp.DummyCookieJar(),
        skip_auto_headers=("Accept",),
    )
    try:
        yield session
    finally:
        sessions.pop(loop, None)
        await session.close()
