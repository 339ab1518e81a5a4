"""One request of a client: for whom, and what can be told to and asked of the client meanwhile.

Made by `handlers`, used by whatever a surface offers. It hides the eras from them: in the older one
a question is a request of the server on the open connection; in the newer one the answer to the
call is the question, and the client makes the call again with what was said.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final, get_args

import mcp_types as types
from mcp.server.connection import Connection
from mcp.server.context import ServerRequestContext
from mcp.shared.exceptions import MCPError
from mcp.shared.message import ServerMessageMetadata
from mcp_types.version import MODERN_PROTOCOL_VERSIONS
from pydantic import JsonValue

from muxi.core.caller import Caller
from muxi.runtime.principal import Principal
from muxi.server.mcp.arguments import fits

Context = ServerRequestContext[Any, Any]

LOG_LEVEL: Final = "muxi.log_level"
"""Where a session keeps the least level of lines that it wants."""
_LEVELS: Final = get_args(types.LoggingLevel)

_RESULTS: Final[Mapping[str, type[Any]]] = {
    "elicitation/create": types.ElicitResult,
    "sampling/createMessage": types.CreateMessageResult,
    "roots/list": types.ListRootsResult,
}


class InputRequired(Exception):
    """The client is to be asked, and to make the same call again with the answers."""

    def __init__(self, requests: Mapping[str, types.InputRequest], state: Any) -> None:
        super().__init__("input required")
        self.requests = dict(requests)
        self.state = state


class Call:
    """A request that is being answered.

    Args:
        ctx: What the SDK knows of it.
        caller: Who makes it.
        params: Its parameters, where they may bring answers to earlier questions.
    """

    def __init__(
        self,
        ctx: Context,
        caller: Caller,
        params: types.InputResponseRequestParams | None = None,
    ) -> None:
        self.caller = caller
        self.modern = ctx.protocol_version in MODERN_PROTOCOL_VERSIONS
        """Whether it is of the era in which every request stands alone."""
        self.state: JsonValue = None
        """What was left for this round when the client was asked."""
        self._ctx = ctx
        self._answers: Mapping[str, types.InputResponse] = {}
        if params is not None:
            self._answers = params.input_responses or {}
            if params.request_state is not None:
                self.state = json.loads(params.request_state)

    @property
    def who(self) -> Principal:
        """In whose name it is made."""
        return self.caller.scope

    async def progress(
        self, progress: float, total: float | None = None, message: str | None = None
    ) -> None:
        """Tell how far it is, if the client wants to know."""
        await self._ctx.session.report_progress(progress, total, message)

    async def log(self, level: types.LoggingLevel, text: str) -> None:
        """A line for the client's log, in the older era and if the client wants such lines."""
        least = connection_of(self._ctx).state.get(LOG_LEVEL, _LEVELS[0])
        if self.modern or _LEVELS.index(level) < _LEVELS.index(least):
            return
        params = types.LoggingMessageNotificationParams(level=level, data=text, logger="muxi")
        await self._ctx.session.send_notification(
            types.LoggingMessageNotification(params=params), self._ctx.request_id
        )

    def may_ask(self, request: types.InputRequest) -> bool:
        """Whether the client can answer this kind of question, by what it said of itself."""
        able = self._ctx.session.client_capabilities
        if able is None or not (self.modern or self._ctx.session.can_send_request):
            return False
        if isinstance(request, types.ElicitRequest):
            asked = able.elicitation
            if asked is None or not isinstance(request.params, types.ElicitRequestURLParams):
                return asked is not None
            return asked.url is not None
        return (able.sampling if request.method != "roots/list" else able.roots) is not None

    async def ask(
        self, requests: Mapping[str, types.InputRequest], state: Any = None
    ) -> dict[str, Any]:
        """Put questions to the person or the model behind the client, and give the answers.

        Args:
            requests: The questions, by names that the answers will bear.
            state: JSON, which `self.state` will be when the call is made again; what was said in
                an earlier round is in it or forgotten. The client cannot read or change it.

        Raises:
            InputRequired: They are to be asked; leave it to the handler.
            MCPError: The client cannot be asked such things, or the answer has no right form.
        """
        for request in requests.values():
            if not self.may_ask(request):
                raise _unable(request.method)
        if not self.modern:
            return {name: await self._push(request) for name, request in requests.items()}
        given = {name: self._answers.get(name) for name in requests}
        if not all(answers(given[name], request) for name, request in requests.items()):
            # All of them again: a client sends the answers of the last round only.
            raise InputRequired(requests, state)
        return given

    async def _push(self, request: types.InputRequest) -> Any:
        result = await self._ctx.session.send_request(
            request,
            _RESULTS[request.method],
            metadata=ServerMessageMetadata(related_request_id=self._ctx.request_id),
        )
        if not answers(result, request):
            raise MCPError(types.INVALID_PARAMS, "The answer does not fit what was asked for.")
        return result


def connection_of(ctx: Context) -> Connection:
    """What lasts as long as the client's session; in the newer era that is one request."""
    return ctx.session._connection  # noqa: SLF001 # pyright: ignore[reportPrivateUsage] -- the SDK gives handlers no other way to it


def answers(response: types.InputResponse | None, request: types.InputRequest) -> bool:
    """Whether a client's answer is one to this question, and fits its schema."""
    if not isinstance(request, types.ElicitRequest):
        return response is not None and not isinstance(response, types.ElicitResult)
    if not isinstance(response, types.ElicitResult):
        return False
    if response.action != "accept" or isinstance(request.params, types.ElicitRequestURLParams):
        return True
    return fits(request.params.requested_schema, response.content or {})


def _unable(method: str) -> MCPError:
    capability = method.partition("/")[0]
    return MCPError(
        types.MISSING_REQUIRED_CLIENT_CAPABILITY,
        f"This needs a client that supports {capability}.",
        {"requiredCapabilities": {capability: {}}},
    )
