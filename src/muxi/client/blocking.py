"""The bridge from the client to code that does not wait: one line for each method.

Used by `sync` only. A method is wrapped, never written a second time; its parameters, types and
docstring are those of the original.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Coroutine, Generator
from functools import wraps
from typing import Any, Concatenate, Generic, ParamSpec, TypeVar

from muxi.core.background import BackgroundLoop

A = TypeVar("A")
B = TypeVar("B")
P = ParamSpec("P")
R = TypeVar("R")


class Face(Generic[A]):
    """The sync face of an object whose methods are asynchronous."""

    def __init__(self, loop: BackgroundLoop, inner: A) -> None:
        self._loop = loop
        self._inner = inner

    @staticmethod
    def blocking(
        method: Callable[Concatenate[B, P], Coroutine[Any, Any, R]],
    ) -> Callable[Concatenate[Face[B], P], R]:
        """A method that waits for what `method` gives."""

        @wraps(method)
        def wait(self: Face[B], *args: P.args, **kwargs: P.kwargs) -> R:
            return self._loop.run(method(self._inner, *args, **kwargs))

        return wait

    @staticmethod
    def streaming(
        method: Callable[Concatenate[B, P], AsyncGenerator[R]],
    ) -> Callable[Concatenate[Face[B], P], Generator[R]]:
        """A method that gives one by one what `method` streams; closing it ends the stream."""

        @wraps(method)
        def each(self: Face[B], *args: P.args, **kwargs: P.kwargs) -> Generator[R]:
            stream = method(self._inner, *args, **kwargs)
            try:
                while True:
                    try:
                        item = self._loop.run(_next(stream))
                    except StopAsyncIteration:
                        return
                    yield item
            finally:
                self._loop.run(_close(stream))

        return each


blocking = Face.blocking
streaming = Face.streaming


async def _next(stream: AsyncGenerator[R]) -> R:
    return await anext(stream)


async def _close(stream: AsyncGenerator[Any]) -> None:
    await stream.aclose()
