"""The tool `run_python`: Python code of a model, in a sandbox.

The code runs in Monty, an interpreter of its own that has no way to files, network, processes or
environment, in a worker process of its own that is used once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from muxi.config.local_tool_settings import RunPythonTool
from muxi.core.errors import ToolArgumentsInvalid
from muxi.core.manifests import ToolManifest
from muxi.core.record import clean
from muxi.tools.builtin.setup import Setup
from muxi.tools.content import cut
from muxi.tools.function import Examples, FunctionTool, tool

if TYPE_CHECKING:
    from pydantic_monty import AsyncMontySession, MontyRuntimeError

MANIFEST = ToolManifest(
    name="run_python",
    version="1.0.0",
    summary="Runs Python code in a sandbox without files, network and other programs.",
    tools=("run_python",),
    notes=(
        "The sandbox is Monty, an interpreter of a part of Python 3.14: without generators,"
        " inheritance and `del`, with math, json, re, datetime, decimal, random, itertools,"
        " collections, functools, csv and some more of the standard library. Nothing is kept from"
        " one call to the next."
    ),
)

EXAMPLES: Examples = (
    (
        "Run this code: print(sum(range(1, 101)))",
        {"code": "print(sum(range(1, 101)))"},
    ),
    (
        "What does sorted([3, 1, 2], reverse=True) give in Python?",
        {"code": "sorted([3, 1, 2], reverse=True)"},
    ),
    (
        "Which numbers from 1 to 50 are prime? Use Python.",
        {"code": "[n for n in range(2, 51) if all(n % d for d in range(2, n))]"},
    ),
    (
        "Count the words in 'the cat and the dog' with code",
        {"code": "from collections import Counter\nprint(Counter('the cat and the dog'.split()))"},
    ),
)

_MAX_CODE = 100_000
_UNWRITTEN = "The last value has objects in it that only the code can show: print what is needed."
_GRACE = 3.0
"""Seconds after which a worker that does not heed its limits is killed."""


def make_run_python(
    *, timeout: float = 10.0, max_memory: int = 200_000_000, max_output: int = 20_000
) -> FunctionTool[..., Any]:
    """The sandbox as a tool.

    Args:
        timeout: Seconds of computing that the code may take.
        max_memory: Bytes that it may take.
        max_output: Longest output in bytes that is given back.
    """

    @tool(
        title="Run Python code",
        read_only=True,
        destructive=False,
        open_world=False,
        idempotent=True,
        examples=EXAMPLES,
        timeout=timeout + _GRACE + 15,
        max_bytes=max_output + 3_000,
    )
    async def run_python(code: str) -> str:
        """Run Python code in a sandbox and give what it prints and the value of its last line.

        There are no files, no network and no packages; generators, inheritance and `del` are
        missing. Nothing is kept from one call to the next.

        Args:
            code: The program.
        """
        if len(code) > _MAX_CODE:
            raise ToolArgumentsInvalid(f"The code has more than {_MAX_CODE:,} characters.")
        from pydantic_monty import AsyncMonty

        pool = AsyncMonty(
            max_processes=1,
            checkout_timeout=10,
            request_timeout=timeout + _GRACE,
            feed_duration_limit_grace=_GRACE,
        )
        async with (
            pool,
            pool.checkout(
                script_name="code.py",
                limits={
                    "max_feed_duration_secs": timeout,
                    "max_memory": max_memory,
                    "max_total_sleep_secs": timeout,
                    "max_recursion_depth": 500,
                },
            ) as session,
        ):
            return await _outcome(session, code, max_output)

    return run_python


def run_python_tools(settings: RunPythonTool, setup: Setup) -> list[FunctionTool[..., Any]]:
    """The sandbox of a project."""
    made = make_run_python(
        timeout=settings.timeout,
        max_memory=settings.max_memory,
        max_output=settings.max_output,
    )
    return [made]


class _Printed:
    """What the code prints, up to a bound."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._pieces: list[str] = []
        self._length = 0

    def __call__(self, stream: str, text: str) -> None:
        if text and self._length < self._most:
            self._pieces.append(text[: self._most])
        self._length += len(text)

    def text(self) -> str:
        return cut(clean("".join(self._pieces)).rstrip("\n"), self._most)


async def _outcome(session: AsyncMontySession, code: str, max_output: int) -> str:
    """What the code printed, and its value or its error."""
    from pydantic_monty import MontyCrashedError, MontyError, MontyRuntimeError, MontySyntaxError

    printed = _Printed(max_output)
    try:
        value = await session.feed_run(clean(code), print_callback=printed)
        last = cut(clean(await _written(session, value)), max_output)
    except (MontyRuntimeError, MontySyntaxError) as error:
        last = cut(clean(error.display()), 2_000)
    except MontyCrashedError:
        last = "The code was ended: it took too much time or memory."
    except MontyError as error:
        last = cut(clean(str(error)), 2_000)
    parts = [part for part in (printed.text(), last) if part]
    return "\n".join(parts) or "The code ran, and printed nothing."


async def _written(session: AsyncMontySession, value: object) -> str:
    """The value of the last line. The sandbox writes it, since a small value can be a huge text."""
    from pydantic_monty import MontyConversionError, MontyRuntimeError

    if value is None or isinstance(value, str):
        return value or ""
    try:
        return str(await session.feed_run("repr(_value_)", inputs={"_value_": value}))
    except MontyConversionError:
        return _UNWRITTEN
    except MontyRuntimeError as error:
        return "The value is too large to be shown." if _is_limit(error) else _UNWRITTEN


def _is_limit(error: MontyRuntimeError) -> bool:
    return isinstance(error.exception(), MemoryError | TimeoutError | RecursionError)
