"""`@tool`: a typed function becomes a tool and stays callable as the function that it was.

Users decorate with it; `FunctionToolset` runs what it makes. Decorating costs next to nothing: the
schema is read from annotations and docstring when it is first asked for, once a function.
"""

from __future__ import annotations

import functools
import inspect
import re
import traceback
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from types import FrameType
from typing import Any, Generic, ParamSpec, TypeVar, cast, overload

from muxi.core.errors import (
    ConfigError,
    CredentialMissing,
    MuxiError,
    RunError,
    ToolError,
    ToolFailed,
    summarize,
)
from muxi.core.messages import ToolContent
from muxi.core.ports import Context
from muxi.core.requests import ToolAnnotations, ToolExample, ToolSpec
from muxi.tools.content import to_content
from muxi.tools.signature import Signature, signature_of
from muxi.tools.worker import run_in_thread

P = ParamSpec("P")
R = TypeVar("R")

Examples = tuple[ToolExample | tuple[str, dict[str, Any]], ...]
"""Requests and the arguments that answer them."""

_MAX_ERROR = 2_000
"""Longest text of a tool's own error, in characters: it goes to the model and into the journal."""


@dataclass(slots=True, frozen=True, kw_only=True)
class ToolOptions:
    """What `@tool` was told beside the function. None leaves a matter to the function or to
    `ToolSpec`'s default."""

    name: str | None = None
    description: str | None = None
    timeout: float | None = 60.0
    retries: int = 0
    idempotent: bool = False
    approval: bool = False
    examples: tuple[ToolExample, ...] = ()
    version: str | None = None
    max_bytes: int = 1_000_000
    title: str | None = None
    read_only: bool | None = None
    destructive: bool | None = None
    open_world: bool | None = None


_NO_OPTIONS = ToolOptions()


class FunctionTool(Generic[P, R]):
    """A function that a model may call. Calling it directly calls the function, unchanged."""

    def __init__(
        self,
        function: Callable[P, R],
        options: ToolOptions | None = None,
        *,
        names: Mapping[str, Any] | None = None,
    ) -> None:
        """`names` helps to read annotations that refer to names of an enclosing function."""
        self._function = function
        self._options = options or _NO_OPTIONS
        self._names = names
        self._spec: ToolSpec | None = None
        self._signature: Signature | None = None
        functools.update_wrapper(cast("Any", self), function)

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:
        return self._function(*args, **kwargs)

    def __get__(self, instance: object | None, owner: type | None = None) -> FunctionTool[..., R]:
        if instance is None:
            return self
        bound = cast("Any", self._function).__get__(instance, owner)
        return FunctionTool(bound, self._options, names=self._names)

    def __repr__(self) -> str:
        return f"<tool {self.name}>"

    @property
    def name(self) -> str:
        """The name that the model uses: the option's, else the function's."""
        name = self._options.name or getattr(self._function, "__name__", None)
        if name is None:
            raise ConfigError(
                f"The tool made of {self._function!r} has no name.",
                hint="Give it one: `tool(name=...)`.",
            )
        return name

    @property
    def version(self) -> str | None:
        """The version that it was given."""
        return self._options.version

    @property
    def spec(self) -> ToolSpec:
        """What the model is told. The same object on every call.

        Raises:
            ConfigError: The function's parameters cannot be made into a schema.
        """
        if self._spec is None:
            signature = self._read_signature()
            if self._options is not _NO_OPTIONS:
                self._spec = self._make_spec(signature)
            else:
                # Agents that are made anew for each request show the same spec.
                signature.plain_spec = signature.plain_spec or self._make_spec(signature)
                self._spec = signature.plain_spec
        return self._spec

    def _make_spec(self, signature: Signature) -> ToolSpec:
        options = self._options
        described = options.description
        return ToolSpec(
            name=self.name,
            description=signature.description if described is None else described,
            parameters=signature.parameters,
            examples=options.examples,
            version=options.version,
            idempotent=options.idempotent,
            approval=options.approval,
            timeout=options.timeout,
            retries=options.retries,
            max_bytes=options.max_bytes,
            annotations=ToolAnnotations(
                title=options.title,
                read_only=options.read_only,
                destructive=options.destructive,
                open_world=options.open_world,
            ),
        )

    async def run(self, arguments: dict[str, Any], ctx: Context) -> list[ToolContent]:
        """Validate `arguments`, call the function once, and give its result as parts.

        Raises:
            ToolArgumentsInvalid: The arguments do not fit; the message tells the model why.
            CredentialMissing: The user has not brought what the function asked for.
            ToolError: The function did not succeed.
        """
        signature = self._signature or self._read_signature()
        values = signature.validate(self.name, arguments)
        args = (ctx,) if signature.takes_context else ()
        function = cast("Callable[..., Any]", self._function)
        try:
            if signature.is_async:
                result = await function(*args, **values)
            else:
                result = await run_in_thread(function, *args, **values)
                if inspect.isawaitable(result):
                    result = await result
        except (ToolError, RunError, CredentialMissing):
            raise
        except (Exception, SystemExit) as error:
            # A task boundary: whatever a tool raises is an answer to the model, and `sys.exit` in
            # one must not end the server.
            raise _failure(self.name, error) from error
        return to_content(self.name, result, max_bytes=self._options.max_bytes)

    def changed(self, **options: Any) -> FunctionTool[P, R]:
        """The same function as a tool with other options, which are named as `tool` names them."""
        return FunctionTool(self._function, replace(self._options, **options), names=self._names)

    def _read_signature(self) -> Signature:
        if self._signature is None:
            self._signature = signature_of(self._function, self._names)
        return self._signature


def _failure(name: str, error: BaseException) -> ToolFailed:
    """A tool's own error, in its words and without its traceback."""
    if isinstance(error, MuxiError):
        words = summarize(error)
    else:
        words = "".join(traceback.format_exception_only(error)).strip()
    if len(words) > _MAX_ERROR:
        words = f"{words[:_MAX_ERROR]}…"
    return ToolFailed(f"`{name}` failed: {words}", tool=name, error=type(error).__name__)


@overload
def tool(function: Callable[P, R], /) -> FunctionTool[P, R]: ...


@overload
def tool(
    *,
    name: str | None = None,
    description: str | None = None,
    timeout: float | None = 60.0,
    retries: int = 0,
    idempotent: bool = False,
    approval: bool = False,
    examples: Iterable[ToolExample | tuple[str, dict[str, Any]]] = (),
    version: str | None = None,
    max_bytes: int = 1_000_000,
    title: str | None = None,
    read_only: bool | None = None,
    destructive: bool | None = None,
    open_world: bool | None = None,
) -> Callable[[Callable[P, R]], FunctionTool[P, R]]: ...


def tool(
    function: Callable[..., Any] | None = None,
    /,
    *,
    examples: Iterable[ToolExample | tuple[str, dict[str, Any]]] = (),
    **options: Any,
) -> Any:
    """Make a tool of a typed function: sync or async, plain or method.

    The parameters' annotations become the schema, the docstring its descriptions (Google, NumPy or
    Sphinx style). A first parameter annotated `RunContext` receives the run's context and is not
    shown to the model. A sync function runs in a worker thread.

    Args:
        function: The function, when used as a bare decorator.
        name: The name that the model uses; the function's own by default.
        description: What the tool does, for the model; the docstring's text by default.
        timeout: Seconds one attempt may take; None for no bound.
        retries: Further attempts after the tool itself failed.
        idempotent: Whether a call may be repeated after a crash without asking.
        approval: Whether a person must agree before each call.
        examples: Requests and the arguments that answer them, as `ToolExample` or as pairs.
        version: Version of the tool, such as `1.2.0`: agents may ask for a range of them.
        max_bytes: Longest result, in UTF-8 bytes; the rest is cut with a notice.
        title: A name for people.
        read_only: Whether it changes nothing.
        destructive: Whether it may destroy what was there.
        open_world: Whether it deals with things outside of the project, such as the web.
    """
    here = inspect.currentframe()
    frame = here.f_back if here else None
    pairs = tuple(
        e if isinstance(e, ToolExample) else ToolExample(request=e[0], arguments=e[1])
        for e in examples
    )
    made = ToolOptions(examples=pairs, **options)

    def decorate(function: Callable[..., Any]) -> FunctionTool[..., Any]:
        return FunctionTool(function, made, names=_enclosing_names(function, frame))

    return decorate if function is None else decorate(function)


_IDENTIFIER = re.compile(r"[^\W\d]\w*")


def _enclosing_names(function: object, frame: FrameType | None) -> dict[str, Any] | None:
    """What the written annotations of `function` refer to in the function around it.

    Python forgets these names; only they are kept, since a whole frame would keep too much alive.
    """
    annotations = getattr(function, "__annotations__", {}).values()
    written = [hint for hint in annotations if isinstance(hint, str)]
    if not written or frame is None or frame.f_locals is frame.f_globals:
        return None
    places = [frame.f_locals]
    if not frame.f_code.co_flags & inspect.CO_OPTIMIZED and frame.f_back is not None:
        places.append(frame.f_back.f_locals)  # a class body: the names around it count too
    wanted = {name for hint in written for name in _IDENTIFIER.findall(hint)}
    return {name: place[name] for place in reversed(places) for name in wanted if name in place}


def as_tool(function: Callable[..., Any]) -> FunctionTool[..., Any]:
    """`function` as a tool: a `FunctionTool` as it is, any other callable with default options."""
    return function if isinstance(function, FunctionTool) else FunctionTool(function)  # pyright: ignore[reportUnknownVariableType] -- a tool of any function
