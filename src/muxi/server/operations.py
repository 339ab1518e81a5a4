"""What an operation of the API is: method, path, types, handler. Filled by the resource files.

The dispatcher serves the table and `openapi` describes it, so the two cannot differ. A handler is:
one call on a service of the runtime.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Generic, Protocol, TypeVar
from urllib.parse import parse_qsl

from pydantic import BaseModel, ConfigDict, ValidationError
from starlette.responses import Response

from muxi.core.actions import ACTIONS, checked
from muxi.core.caller import Caller
from muxi.core.errors import InvalidInput, NotFound, OutcomeUnknown
from muxi.core.events import Event
from muxi.core.json_shapes import is_array, is_object
from muxi.core.record import clean
from muxi.core.threads import Run
from muxi.runtime.build import Runtime
from muxi.runtime.conditions import Reading
from muxi.runtime.feed import Feed
from muxi.runtime.idempotency import Claim
from muxi.runtime.principal import Principal
from muxi.runtime.requests import RunRequest
from muxi.server.access import Access
from muxi.server.problems import ProblemDetails, Refused, invalid

Headers = Mapping[bytes, bytes]

_DEEPEST = 200
"""Levels of nesting that a body may have: those of pydantic's own reader of JSON."""


HEALTH = "health"
"""The tag of operations by which others see whether this process works, as often as they like."""


class Strict(BaseModel):
    """A body or query whose unknown members are mistakes."""

    model_config = ConfigDict(extra="forbid")


class Nothing(Strict):
    """No body, or no query."""


class Raw(BaseModel):
    """A body that is taken as it comes, of one of these media types."""

    media_types: ClassVar[tuple[str, ...]] = ()

    media_type: str
    content: bytes


NOTHING = Nothing()


async def _no_body() -> AsyncIterator[bytes]:
    yield b""


Body = TypeVar("Body", bound=BaseModel)
Query = TypeVar("Query", bound=BaseModel)
RawBody = TypeVar("RawBody", bound=Raw)


@dataclass(slots=True, kw_only=True)
class Call(Generic[Body, Query]):
    """One request, parsed."""

    runtime: Runtime
    access: Access
    caller: Caller
    path: Mapping[str, str]
    body: Body
    query: Query
    headers: Headers
    scheme: str = "http"
    """How the request came, `http` or `https`."""
    address: str = ""
    """Where it came from; empty from this machine's socket."""
    pieces: Callable[[], AsyncIterator[bytes]] = _no_body
    """Gives the body as it comes, to an operation that asked for that."""
    claim: Claim | None = None
    """What the request's idempotency key stands for, if it has one."""

    @property
    def who(self) -> Principal:
        """Whose data the request may touch. Raises `AccessDenied` if nobody has signed in."""
        return self.caller.scope

    async def start(self, request: RunRequest) -> Run:
        """Begin a run, or find the one that this request began when it came before.

        Raises as `Runs.start`.
        """
        known = await self._begun(request)
        return known or await self.runtime.runs.start(self.caller, request)

    async def start_and_follow(self, request: RunRequest) -> tuple[Run, Feed]:
        """As `start`, and read the run's events from the first one on."""
        known = await self._begun(request)
        if known is None:
            return await self.runtime.runs.start_and_follow(self.caller, request)
        return known, await self.runtime.streams.follow_run(self.who, known.id)

    def leave_nothing(self) -> None:
        """Have the answer not kept for a request that comes again."""
        if self.claim is not None:
            self.claim.private = True

    async def _begun(self, request: RunRequest) -> Run | None:
        """The run that this very request has begun before; names it if it has not.

        Raises:
            OutcomeUnknown: That run left nothing.
        """
        claim = self.claim
        if claim is None:
            return None
        request.id = request.id or claim.run_id
        if not claim.again:
            return None
        try:
            return await self.runtime.runs.get(self.who, request.id)
        except NotFound:
            if request.terms is not None and request.terms.passing:
                text = "The request was carried out, and nothing of it was kept."
                raise OutcomeUnknown(text) from None
            return None


class Voice(Protocol):
    """Says what happens in a run as another protocol does, in server-sent events of its own."""

    async def begin(self) -> bytes:
        """What is said first."""
        ...

    async def say(self, events: Sequence[Event]) -> bytes:
        """What events become, which nobody may change; nothing, if the protocol is silent."""
        ...

    async def end(self) -> bytes:
        """What is said last."""
        ...


@dataclass(slots=True)
class EventStream:
    """An answer that is a stream of server-sent events."""

    feed: Feed
    headers: tuple[tuple[bytes, bytes], ...] = ()
    voice: Voice | None = None
    """Who says the events; None to tell them as they are."""


Answer = BaseModel | EventStream | Response


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation(Generic[Body, Query]):
    """One entry of the table."""

    method: str
    path: str
    """With parameters in braces, as OpenAPI writes them."""
    summary: str
    handler: Callable[[Call[Body, Query]], Awaitable[Answer]]
    action: str = ""
    """What the caller must be allowed to do, such as `threads.read`; nothing for what is open."""
    resource: Callable[[Call[Body, Query]], str] | None = None
    """Upon what, such as `agent:helper`; None where the action says it."""
    body: type[Body] = Nothing  # pyright: ignore[reportAssignmentType] -- the default stands for an operation without a body
    query: type[Query] = Nothing  # pyright: ignore[reportAssignmentType] -- the default stands for an operation without a query
    answer: type[BaseModel] | None = None
    """The model of the JSON that is given back; None for a stream, a page or no content."""
    media_type: str | None = None
    """Of an answer that is neither JSON nor events."""
    status: int = 200
    also: Mapping[int, str] = field(default_factory=dict[int, str])
    """The media type of what it may answer beside, by status; empty for no content."""
    events: bool = False
    """Whether the answer is a stream of server-sent events."""
    open: bool = False
    """Whether it is served without credentials."""
    anyone: bool = False
    """Whether it is served to whoever has signed in, whatever they may do."""
    confidential: bool = False
    """Whether its body or its answer holds a secret, so that neither may be kept."""
    streamed: bool = False
    """Whether its body is handed over as it comes, of any media type, and may be of any size."""
    starts_run: bool = False
    """Whether it begins a run, by `Call.start` or `Call.start_and_follow`."""
    current: Callable[[Call[Body, Query]], Reading] | None = None
    """How what is changed is read in the transaction that changes it, for `If-Match`."""
    about: str = ""
    """What is to be known of it beside the summary."""
    messages: Mapping[str, type[BaseModel]] = field(default_factory=dict[str, type[BaseModel]])
    """What may be said over the connection that it opens, by the type of the message."""
    problem: Callable[[ProblemDetails], Response] | None = None
    """Renders errors as the operation's protocol has them; None for those of this API."""
    tag: str = field(default="project")

    def __post_init__(self) -> None:
        if self.open + self.anyone + bool(self.action) != 1:
            raise ValueError(f"{self.method} {self.path} needs an action, or is open to some")
        if self.action:
            checked(self.action)


AnyOperation = Operation[Any, Any]


async def perform(operation: AnyOperation, call: Call[Any, Any]) -> Answer:
    """Have it done; what may change something is entered in the audit log."""
    if not operation.action or not ACTIONS[operation.action].changes:
        return await operation.handler(call)
    upon = None if operation.resource is None else operation.resource(call)
    audit = call.runtime.audit
    async with audit.during(call.caller, operation.action, upon, **call.path):
        return await operation.handler(call)


def parse_body(kind: type[Body], data: bytes, headers: Headers) -> Body:
    """The body of a request.

    Raises:
        Refused: It is not JSON, or not sent as JSON.
        InvalidInput: It does not have the right form; the error says where.
    """
    if kind is Nothing and not data:
        return NOTHING  # pyright: ignore[reportReturnType] -- `kind` is its class
    media_type = headers.get(b"content-type", b"").partition(b";")[0].strip().lower()
    if issubclass(kind, Raw):
        return _take(kind, media_type.decode("latin-1"), data)
    if media_type != b"application/json":
        error = InvalidInput("The body must be sent as application/json.")
        raise Refused(415, error)
    try:
        return kind.model_validate_json(data, strict=True)
    except ValidationError as error:
        if all(item["type"] != "json_invalid" for item in error.errors(include_url=False)):
            raise invalid(error) from None
    return _parse_leniently(kind, data)


def _take(kind: type[RawBody], media_type: str, data: bytes) -> RawBody:
    if media_type not in kind.media_types:
        known = " or ".join(kind.media_types)
        raise Refused(415, InvalidInput(f"The body must be sent as {known}."))
    return kind(media_type=media_type, content=data)


def _parse_leniently(kind: type[Body], data: bytes) -> Body:
    """Bodies that hold half of a surrogate pair, which JSON can write and UTF-8 cannot."""
    try:
        value = _mend(json.loads(data))
    except RecursionError:
        raise _too_deep() from None
    except ValueError as error:
        raise Refused(400, InvalidInput(f"The body is not JSON: {error}.")) from None
    try:
        return kind.model_validate(value)
    except ValidationError as error:
        raise invalid(error) from None


def _mend(value: Any, depth: int = 0) -> Any:
    if depth > _DEEPEST:
        raise _too_deep()
    if isinstance(value, str):
        return clean(value)
    if is_array(value):
        return [_mend(item, depth + 1) for item in value]
    if is_object(value):
        return {clean(str(key)): _mend(item, depth + 1) for key, item in value.items()}
    return value


def _too_deep() -> Refused:
    return Refused(400, InvalidInput("The JSON is nested too deeply."))


def parse_query(kind: type[Query], text: bytes, *, of_another: bool = False) -> Query:
    """The query string of a request.

    Args:
        kind: What it must be.
        text: As it came.
        of_another: Whether it was sent to another operation, so that only what fits is taken.

    Raises:
        InvalidInput: A parameter is unknown or does not have the right form.
    """
    if kind is Nothing and (of_another or not text):
        return NOTHING  # pyright: ignore[reportReturnType] -- `kind` is its class
    values = dict(parse_qsl(text.decode("latin-1"), keep_blank_values=True))
    if of_another:
        values = {name: value for name, value in values.items() if name in kind.model_fields}
    try:
        return kind.model_validate(values)
    except ValidationError as error:
        raise invalid(error) from None
