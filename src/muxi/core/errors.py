"""Every error that muxi raises, in one tree.

A class's docstring is its default message; `hint` says what to do about it. Errors carry plain
values only, so that they can be logged, stored and sent. Doors translate them; nobody else does.

MuxiError
├── ConfigError
├── SecretMissing
│   └── CredentialMissing
├── ModelError
│   ├── UnknownModel
│   ├── ModelKeyMissing
│   ├── ModelAuthError
│   ├── ModelRateLimited
│   ├── ModelUnavailable
│   ├── ModelTimeout
│   ├── ModelConnectionError
│   ├── ModelProtocolError
│   ├── ModelRejected
│   │   └── ContextTooLong
│   └── PriceUnknown
├── WeightsUnavailable
├── MissingExtra
├── ToolError
│   ├── ToolNotFound
│   ├── ToolArgumentsInvalid
│   ├── ToolTimeout
│   ├── ToolFailed
│   └── ToolDenied
├── RunError
│   ├── LimitReached
│   │   └── BudgetExceeded
│   ├── OutputInvalid
│   ├── GuardrailBlocked
│   ├── RunWaiting
│   ├── InputNeeded
│   └── RunCancelled
├── StorageError
│   ├── StorageBusy
│   ├── StorageFull
│   ├── StorageReadOnly
│   ├── StorageCorrupt
│   ├── StorageUnavailable
│   ├── SchemaTooNew
│   ├── LeaseLost
│   └── ProjectInUse
├── LockInvalid
├── LoginNeeded
├── DocumentUnreadable
├── ProgramFailed
├── ServerUnavailable
│   └── ServerTooSlow
├── IdentityProviderUnavailable
├── KeyServiceFailed
├── NotFound
├── Conflict
│   ├── RequestInProgress
│   ├── OutcomeUnknown
│   ├── IdempotencyKeyReused
│   └── PreconditionFailed
├── InvalidInput
│   ├── TooLarge
│   └── FileRefused
├── RateLimited
└── AccessDenied
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, ClassVar

if TYPE_CHECKING:
    from muxi.core.questions import Question


class MuxiError(Exception):
    """Something went wrong in muxi."""

    hint: str | None = None
    """What to do about it; of the kind of error, unless one of them knows more."""
    retryable: bool = False
    """Whether the same attempt may succeed later without any change."""
    code: ClassVar[str] = "muxi_error"
    """Stable name of this kind of error, for programs."""

    def __init__(self, message: str | None = None, *, hint: str | None = None, **details: Any):
        self.message = message or " ".join((type(self).__doc__ or "").split())
        self.details: dict[str, Any] = {k: v for k, v in details.items() if v is not None}
        if hint is not None:
            self.hint = hint
        super().__init__(self.message)

    def __init_subclass__(cls) -> None:
        cls.code = re.sub(r"(?<=[a-z])(?=[A-Z])", "_", cls.__name__).lower()
        super().__init_subclass__()


class ConfigError(MuxiError):
    """The project file has mistakes."""

    hint = "Each mistake is listed with its file and line; `muxi doctor` checks the file again."


class SecretMissing(MuxiError):
    """A secret that the project refers to is not set."""

    hint = "Set the environment variable, or store it with `muxi secrets set NAME`."


class CredentialMissing(SecretMissing):
    """A tool needs a credential of the user's own, which is not there or no longer good."""

    hint = "`muxi credentials` shows what you can bring."


class ModelError(MuxiError):
    """A model could not answer. `details` name provider, model, status and request id."""


class UnknownModel(ModelError):
    """No provider knows this model name."""

    hint = "Names read `provider/model`; `muxi models list` shows what is known."


class ModelKeyMissing(ModelError):
    """The provider needs an API key and none is set."""

    hint = "`muxi models use PROVIDER/MODEL` asks for the key once and stores it."


class ModelAuthError(ModelError):
    """The provider refused the API key."""

    hint = "Check that the key is valid and may use this model."


class ModelRateLimited(ModelError):
    """The provider says that there were too many requests."""

    retryable = True
    hint = "Wait, lower the concurrency of this model, or add a fallback."


class ModelUnavailable(ModelError):
    """The provider failed or is overloaded."""

    retryable = True
    hint = "Try again later, or add a fallback model."


class ModelTimeout(ModelError):
    """The provider did not answer in time."""

    retryable = True
    hint = "Raise the model's timeout, or add a fallback model."


class ModelConnectionError(ModelError):
    """The connection to the provider failed or was cut."""

    retryable = True
    hint = "Check the base URL and the network."


class ModelProtocolError(ModelError):
    """The provider sent something that its format does not allow."""

    hint = "Check that the base URL points at the right kind of API."


class ModelRejected(ModelError):
    """The provider refused the request."""

    hint = "The provider's own words are in the message."


class ContextTooLong(ModelRejected):
    """The conversation does not fit into the model's context."""

    hint = "Use a model with a larger context, or lower the memory budget of the agent."


class PriceUnknown(ModelError):
    """A cost limit needs a model with a known price, and this one has none."""

    hint = "Set `price` for this model in muxi.yaml, or limit tokens instead of cost."


class WeightsUnavailable(MuxiError):
    """The weights of the embedded model are not on this machine and could not be fetched."""

    hint = "Run `muxi models pull` with a network, or point `path` at a GGUF file."


class MissingExtra(MuxiError):
    """A feature needs packages that are not installed."""


class ToolError(MuxiError):
    """A tool call did not succeed."""


class ToolNotFound(ToolError):
    """The model asked for a tool that does not exist."""

    hint = "Use one of the tools that were offered."


class ToolArgumentsInvalid(ToolError):
    """The arguments do not fit the tool's schema."""

    hint = "Call the tool again with arguments that fit its schema."


class ToolTimeout(ToolError):
    """The tool did not finish in time."""

    retryable = True


class ToolFailed(ToolError):
    """The tool raised an error."""

    retryable = True


class ToolDenied(ToolError):
    """The call was not allowed."""


class RunError(MuxiError):
    """A run did not complete."""


class LimitReached(RunError):
    """A limit stopped the run."""

    hint = "Raise the limit on the agent, or ask for less at once."


class BudgetExceeded(LimitReached):
    """A budget has too little left. `details` say which, how much is left, and when it resets."""

    hint = "Wait until the budget resets, or ask whoever keeps it for more."


class OutputInvalid(RunError):
    """The answer did not have the shape that was asked for, even after repair."""


class GuardrailBlocked(RunError):
    """A guardrail stopped the run."""


class RunWaiting(RunError):
    """The run waits for a person's approval."""

    hint = "Approve or deny the calls in `result.approvals`, then continue the run."


class InputNeeded(RunError):
    """A tool asks a person before it can go on: the run is suspended until they have answered.

    Raised by `Toolset.call`, which is called again with `ctx.answer` and the same arguments; raised
    once more, it asks once more.

    Args:
        questions: One question, or several by names that the answers will bear.
        state: Any JSON that the tool wants back with the answers; it is stored as it is.
    """

    def __init__(self, questions: Question | Mapping[str, Question], *, state: Any = None) -> None:
        super().__init__("A tool waits for a person's answer.")
        named = questions if isinstance(questions, Mapping) else {"answer": questions}
        self.questions: dict[str, Question] = {**named}
        self.state = state


class RunCancelled(RunError):
    """The run was cancelled."""


class StorageError(MuxiError):
    """The database could not do what was asked."""


class StorageBusy(StorageError):
    """The database is locked by another program."""

    retryable = True
    hint = "Close the other program that holds the database, or wait for it."


class StorageFull(StorageError):
    """The disk that holds the database is full."""

    retryable = True
    hint = "Free some space; nothing that was acknowledged is lost."


class StorageReadOnly(StorageError):
    """The database cannot be written."""

    hint = "Check the permissions of the file and of its folder."


class StorageCorrupt(StorageError):
    """The database file is damaged."""

    hint = "Keep the file aside; `muxi snapshots list` shows the copies that can take its place."


class StorageUnavailable(StorageError):
    """The database cannot be reached."""

    retryable = True
    hint = "Check the database URL and that the server is up."


class SchemaTooNew(StorageError):
    """The database was written by a newer muxi that this version cannot work with."""

    hint = "Upgrade muxi, or restore a snapshot that was made before the upgrade."


class LeaseLost(StorageError):
    """Another process has taken over this run; nothing more may be written for it here."""


class ProjectInUse(StorageError):
    """Another muxi process owns this project."""

    hint = "Stop that process first, or use its API."


class LockInvalid(MuxiError):
    """The lock of MCP tools cannot be read or was changed by hand, so no tool of it is trusted."""

    hint = (
        "Restore muxi.lock from version control; or, to trust anew what the servers offer now, "
        "delete it and run `muxi mcp lock`."
    )


class LoginNeeded(MuxiError):
    """The MCP server asks for a login, or the one that was stored is no longer accepted."""

    hint = "`muxi mcp login SERVER` signs in."


class DocumentUnreadable(MuxiError):
    """The document cannot be read."""


class ProgramFailed(MuxiError):
    """Another program that was started did not do its work."""


class ServerUnavailable(MuxiError):
    """The muxi server cannot be reached, or broke off its answer."""

    retryable = True
    hint = "Start it with `muxi up`, and check its address and port."


class ServerTooSlow(ServerUnavailable):
    """The server did not answer in time."""

    retryable = True
    hint = "Give it more time, or look at what it waits for."


class IdentityProviderUnavailable(MuxiError):
    """The identity provider cannot be reached, or does not play by the rules."""

    retryable = True
    hint = "Try again later; check its address under `identity` in muxi.yaml."


class KeyServiceFailed(MuxiError):
    """The key service could not be asked, or refused."""

    retryable = True
    hint = "Check `storage.master_key.service` in muxi.yaml, and what the service itself says."


class NotFound(MuxiError):
    """There is no such thing, or it is not yours to see."""


class Conflict(MuxiError):
    """The thing has changed or is in a state that does not allow this."""


class RequestInProgress(Conflict):
    """The same request, under the same idempotency key, is being carried out."""

    retryable = True
    hint = "Ask again in a moment: the answer is then the one that the first request gets."


class OutcomeUnknown(Conflict):
    """The first request under this idempotency key was broken off, and what it did is not known."""

    hint = "Look whether it took effect; if not, send it again under another key."


class IdempotencyKeyReused(Conflict):
    """This idempotency key stands for another request."""

    hint = "Use a fresh key for each request; the same one only to send the same request again."


class PreconditionFailed(Conflict):
    """The thing has changed since you read it."""

    hint = "Read it again, and send its new ETag as `If-Match`."


class InvalidInput(MuxiError):
    """What was sent does not have the right form."""


class TooLarge(InvalidInput):
    """What was sent is larger than is allowed."""


class FileRefused(InvalidInput):
    """The file is not taken: of a kind that is not allowed here, or refused by a scanner."""


class RateLimited(MuxiError):
    """There were too many requests. `details.retry_after` is the number of seconds to wait."""

    retryable = True
    hint = "Wait for as long as `Retry-After` says, and ask less often."


class AccessDenied(MuxiError):
    """You may not do this."""


def summarize(error: MuxiError) -> str:
    """Message and hint in one text, for people."""
    return f"{error.message} {error.hint}" if error.hint else error.message
