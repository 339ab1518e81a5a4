"""How the parts of the client ask: one request, its parameters, and what its answer is read as.

Used by `client` only.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple, Protocol, TypeVar
from urllib.parse import quote

from pydantic import TypeAdapter

from muxi.core.errors import NotFound

Params = Mapping[str, str | int | None]
"""The query of a request; what is None is left out."""

SLOW = 600.0
"""Seconds for what reads or rewrites all that somebody has."""

_T = TypeVar("_T")

# Building a validator costs more than a request: each is made when it is first needed, and kept.
_adapters: dict[Any, TypeAdapter[Any]] = {}


class Content(NamedTuple):
    """A body that is sent as it is."""

    data: bytes
    media_type: str
    headers: Mapping[str, str] = MappingProxyType({})
    """What else is told of it."""


class Answer(bytes):
    """The body of an answer."""

    etag: str | None = None
    """What it is called in the state that was read, for a change that holds only for that."""


class Call(Protocol):
    """One request to the server; gives the body of the answer."""

    def __call__(
        self,
        method: str,
        path: str,
        /,
        *,
        params: Params | None = None,
        body: object = None,
        again: bool | None = None,
        seconds: float | None = None,
    ) -> Awaitable[Answer]: ...


class Lines(Protocol):
    """One request to the server; gives the lines of the answer as they come."""

    def __call__(self, path: str, /, *, params: Params | None = None) -> AsyncGenerator[bytes]: ...


def read(kind: type[_T], body: bytes) -> _T:
    """The body of an answer as what it is."""
    adapter = _adapters.get(kind)
    if adapter is None:
        adapter = _adapters[kind] = TypeAdapter(kind)
    return adapter.validate_json(body)


def segment(name: str) -> str:
    """`name` as one step of a path, whatever else is in it.

    Raises:
        NotFound: It would be no step, or several; nothing is called so.
    """
    if "/" in name or name in {"", ".", ".."}:
        raise NotFound(
            f"Nothing is called {name!r}.", hint="What has an address of its own has no `/` in it."
        )
    return quote(name, safe="", errors="replace")
