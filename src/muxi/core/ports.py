"""The ports: what a run needs from its surroundings, as protocols. Rooms implement them.

`runtime` puts implementations together; `core.alone` holds the forms for a script without a server.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any, Literal, Protocol, TypeVar

from muxi.core.context import RunContext
from muxi.core.errors import LimitReached
from muxi.core.events import ApprovalDecision, Event
from muxi.core.messages import MediaPart, Message, Part, ToolCallPart
from muxi.core.requests import ToolSpec
from muxi.core.steps import Step
from muxi.core.usage import Usage

Context = RunContext[Any]
P = TypeVar("P", bound=Part)


class Count(Protocol):
    """Counts as a model does."""

    def __call__(self, *messages: Message) -> int:
        """Tokens of `messages`, never too few, and together no fewer than one by one."""
        ...


@dataclass(slots=True, kw_only=True)
class ContextQuery:
    """What a context source may look at and how much it may give."""

    input: Sequence[Message]
    """The messages that started this run."""
    budget: int
    """Tokens that the source may fill."""
    count: Count
    """Tokens of messages for the model that will read them."""


@dataclass(slots=True, kw_only=True)
class ContextBlock:
    """What a context source adds to a turn."""

    instructions: str = ""
    messages: Sequence[Message] = ()
    """Oldest first; they go before the messages of the run."""
    tokens: int | None = None
    """What the messages take, where the source has counted them as the query says."""
    events: Sequence[Event] = ()
    """What readers should know of it, such as which memories were recalled."""


class ContextSource(Protocol):
    """Something that enters a turn: history, recall, knowledge, instructions."""

    async def gather(self, ctx: Context, query: ContextQuery) -> ContextBlock: ...


class RunMemory(Protocol):
    """Long-term memory for an agent that runs without a server."""

    async def source(self, ctx: Context, inner: ContextSource) -> ContextSource:
        """What a run is told of earlier conversations, besides what `inner` tells."""
        ...

    async def remember(self, ctx: Context, asked: Message, said: Sequence[Message]) -> None:
        """Remember what the user said and what was said after that in the run of `ctx`."""
        ...


class Journal(Protocol):
    """What a run leaves behind. Buffered writes are durable after the next `flush`.

    Every write bears the fencing number of the run's lease; a process that lost the lease gets
    `LeaseLost` from `open_step` and `flush`.
    """

    async def run_messages(self, ctx: Context) -> Sequence[Message]:
        """The messages that this run has completed so far, oldest first, its input excluded."""
        ...

    async def find_step(self, ctx: Context, key: str) -> Step | None: ...

    async def open_step(self, ctx: Context, step: Step) -> Step:
        """Store `step` and everything buffered before it; return the stored step of that key.

        A step that exists already is returned as it is, unless it is not `done` and the new one
        has a higher attempt number: then the new attempt is stored.
        """
        ...

    def close_step(self, ctx: Context, step: Step) -> None:
        """Buffer the step's new state and result."""
        ...

    def append(self, ctx: Context, message: Message) -> None:
        """Buffer a message as the new leaf of the run's thread."""
        ...

    def record(self, ctx: Context, event: Event, text: str | None = None) -> None:
        """Buffer an event, numbered or not; `text` is its JSON, if the caller has it already."""
        ...

    async def flush(self, ctx: Context) -> None:
        """Return once everything buffered is durable; raises `StorageError` if it cannot be."""
        ...


class Media(Protocol):
    """Keeps bytes apart from what is stored and told, which refers to them."""

    async def lay_down(self, parts: Sequence[P]) -> list[P]:
        """`parts` with references in place of bytes, which are stored before the next flush ends.

        Raises:
            StorageError: They cannot be stored.
        """
        ...

    async def show(
        self, ctx: Context, message: Message, *, takes: Callable[[MediaPart], bool], room: int
    ) -> Message:
        """`message` as a model is to see it: with bytes in place of references where it takes
        them, else with text that says what there is, what of it could be told, and what not.

        Args:
            ctx: The run, to whose usage it is added what other models took for that.
            message: What is stored; the same object comes back if it has no media.
            takes: Whether the model can be given a part; asked again once bytes are loaded.
            room: Characters that what is told of media may have together.

        Raises:
            StorageError: Bytes cannot be read.
            LimitReached: A budget has nothing left for asking another model.
        """
        ...


@dataclass(slots=True, frozen=True, kw_only=True)
class Estimate:
    """The most that a call may consume. A cost of None means that no price is known."""

    input_tokens: int = 0
    output_tokens: int = 0
    bounded: bool = True
    """Whether the answer cannot have more tokens than that, whatever it is told."""
    input_cost: Decimal | None = Decimal(0)
    """US dollars."""
    output_cost: Decimal | None = Decimal(0)
    """US dollars, if the answer is as long as it may be."""
    model: str | None = None
    """Name of the model, for messages."""


@dataclass(slots=True, frozen=True)
class Reservation:
    """What a ledger has set aside for one call, which must keep within it."""

    id: str = ""
    output_tokens: int | None = None
    """The most that the answer may have; None for no other bound than that of the estimate."""
    seconds: float | None = None
    """The longest that the call may take; None for no bound."""
    exceeded: LimitReached | None = None
    """What to raise if the call is cut short by what was granted."""


class Ledger(Protocol):
    """Budgets: reserved before each call and settled after it.

    A run that another one began counts for the run at their root too, which `ctx` names.
    """

    async def reserve(self, ctx: Context, estimate: Callable[[], Estimate]) -> Reservation:
        """Set aside the most that a call may consume.

        `estimate` is called only by a ledger that has a budget to keep. What other calls hold may
        be waited for.

        Raises:
            LimitReached: A budget would be exceeded.
            PriceUnknown: A budget bounds the cost, and the estimate has none.
        """
        ...

    async def settle(self, ctx: Context, reservation: Reservation, actual: Usage) -> None:
        """Count what was consumed and give back the rest."""
        ...


@dataclass(slots=True, frozen=True)
class Verdict:
    """What a policy says of a call."""

    verdict: Literal["allow", "deny", "ask"]
    reason: str = ""


class Policy(Protocol):
    """May this call run?"""

    async def decide(self, ctx: Context, call: ToolCallPart, spec: ToolSpec) -> Verdict: ...


class People(Protocol):
    """Who answers questions while a tool waits in the middle of its call."""

    async def decision(self, ctx: Context, step: Step) -> ApprovalDecision:
        """What a person says to the question that `step` has stored, or that its time is over."""
        ...


class Credentials(Protocol):
    """A secret for this user and server."""

    async def secret(self, ctx: Context, name: str) -> str:
        """Raises `SecretMissing` if there is none."""
        ...


class KeyService(Protocol):
    """Keeps a key that nobody can read, and wraps others with it: a KMS or an HSM.

    It wraps master keys: it is asked when muxi first needs one and when one is changed, and never
    for a single secret.
    """

    async def wrap(self, key: bytes) -> bytes:
        """`key`, readable by this service only.

        Raises:
            KeyServiceFailed: It cannot, or will not.
        """
        ...

    async def unwrap(self, wrapped: bytes) -> bytes:
        """The key that `wrap` was given. Raises `KeyServiceFailed`."""
        ...


class Runnable(Protocol):
    """What takes input and streams events: an agent, a team, a remote agent."""

    @property
    def name(self) -> str: ...

    @property
    def description(self) -> str: ...

    def stream_events(
        self, input: Sequence[Message], *, ctx: Context, host: Host
    ) -> AsyncGenerator[Event]: ...


@dataclass(slots=True, kw_only=True)
class Host:
    """A run's surroundings, put together by `runtime` or by `core.alone`."""

    journal: Journal
    ledger: Ledger
    policy: Policy
    credentials: Credentials
    sources: Sequence[ContextSource] = field(default_factory=tuple)
    """Context sources beside those of the agent itself, such as the thread's history."""
    media: Media | None = None
    """None to leave bytes where they are."""
    people: People | None = None
    """None if nobody can answer while a call is under way."""
    answer_within: float | None = None
    """Seconds after which an open question closes by itself; None for never."""
