"""A request for a response becomes a run, or lets a waiting one go on. Called by `responses`."""

from __future__ import annotations

import time
from dataclasses import dataclass, field

from pydantic import ValidationError

from muxi.core.errors import Conflict, InvalidInput, NotFound
from muxi.core.events import FINAL_STATUSES, Approval
from muxi.core.ids import new_id
from muxi.core.messages import Message
from muxi.core.terms import Terms
from muxi.core.threads import Run
from muxi.runtime.agents import Version
from muxi.runtime.feed import Feed
from muxi.runtime.requests import Bounds, ClientRequest
from muxi.server.openai.conversations import conversation_id, thread_of
from muxi.server.openai.models import agent_of
from muxi.server.openai.references import referred_by
from muxi.server.openai.stored import Found, Kept, as_kept, end_of, find, kept_by
from muxi.server.operations import Call, Nothing
from muxi.server.problems import invalid
from muxi.wire.conversation import Conversation
from muxi.wire.responses.asked import converse, decisions_of, echo_of, terms_of
from muxi.wire.responses.body import ApprovalItem, ConversationId, ResponseRequest, ResultItem


@dataclass(slots=True, kw_only=True)
class Responding:
    """One request, on its way to a run."""

    call: Call[ResponseRequest, Nothing]
    version: Version
    previous: Found | None
    thread_id: str | None
    """The thread of the conversation that the client names."""
    waiting: Run | None = None
    """The run that waits for what the client says."""
    asked: list[Approval] = field(default_factory=list[Approval])
    """What that run asks."""
    conversation: Conversation = field(default_factory=Conversation)

    async def begin(self) -> tuple[Found, Feed]:
        """The response, and the events of its run from its beginning on."""
        body = self.call.body
        await self._find_waiting()
        held_here = self.previous is not None or self.thread_id is not None
        if self.waiting is not None and held_here:
            self.conversation.expect({each.call_id: each.tool for each in _of_client(self.asked)})
        elif self.previous is not None:
            await self._expect_calls(self.previous)
        referred = await referred_by(self.call.runtime, self.call.who, body.items())
        converse(self.conversation, body.items(), referred=referred)
        found, feed = await (
            self._begin_run() if self.waiting is None else self._go_on(self.waiting)
        )
        attempt = self.call.runtime.runs.active.get(found.run.id)
        if attempt is not None:
            # It tells when the run has ended, once it has.
            found.run = attempt.run
        return found, feed

    async def _find_waiting(self) -> None:
        runtime, who, body = self.call.runtime, self.call.who, self.call.body
        run: Run | None = None
        if self.previous is not None:
            run = self.previous.run if self.previous.is_last else None
            if run is not None and run.status not in FINAL_STATUSES and run.status != "waiting":
                raise Conflict("The previous response is not complete yet.")
        else:
            asked = await self._named_question()
            if asked is not None:
                run = await runtime.runs.get(who, asked.run_id)
        if run is None or run.status != "waiting" or run.agent != self.version.definition.name:
            return
        if self.thread_id not in (None, run.thread_id):
            return
        page = await runtime.approvals.page(who, run_id=run.id)
        self.waiting, self.asked = run, list(page.items)
        given = decisions_of(body.items())
        left = [each.id for each in self.asked if not _is_of_client(each) and each.id not in given]
        if left:
            ids = ", ".join(left)
            raise InvalidInput(f"These approval requests have no response: {ids}.", param="input")

    async def _named_question(self) -> Approval | None:
        """What the first result or answer of the input belongs to."""
        runtime, who = self.call.runtime, self.call.who
        for item in self.call.body.items():
            if isinstance(item, ResultItem):
                found = await runtime.client_calls.find(who, item.call_id)
                if found is not None and await runtime.client_calls.open(who, found.run_id):
                    return found
            elif isinstance(item, ApprovalItem):
                try:
                    return await runtime.approvals.get(who, item.approval_request_id)
                except NotFound as error:
                    raise InvalidInput(error.message, param="input") from None
        return None

    async def _expect_calls(self, previous: Found) -> None:
        """A client may give other results than those with which the run has gone on."""
        until = previous.until
        if until is None:
            return
        message = await self.call.runtime.transcripts.message(self.call.who, until)
        clients = previous.kept.clients
        self.conversation.expect(
            {call.id: call.name for call in message.tool_calls if call.name in clients}
        )

    async def _begin_run(self) -> tuple[Found, Feed]:
        body, call, previous = self.call.body, self.call, self.previous
        *history, last = self.conversation.messages or [None]
        if last is None or last.role == "assistant":
            raise InvalidInput(
                "The input must end with what the user says, or with results of tools.",
                param="input",
            )
        request = ClientRequest(
            id=new_id("run") if call.claim is None else call.claim.run_id,
            agent=self.version.definition.name,
            input=last.parts,
            role=last.role,
            history=[message for message in history if message is not None],
            thread_id=self.thread_id,
            terms=self._terms([], Kept(created_at=_now(), echo={})),
        )
        if previous is not None and self._passing:
            # What is to leave nothing goes on in a copy.
            path = await call.runtime.transcripts.path(
                call.who, previous.run, await end_of(call.runtime, call.who, previous)
            )
            request.history = [*path, *request.history]
        elif previous is not None:
            request.thread_id = previous.run.thread_id
            request.parent_id = await end_of(call.runtime, call.who, previous)
        if body.max_tool_calls is not None:
            request.limits = Bounds(tool_calls=body.max_tool_calls)
        run, feed = await call.start_and_follow(request)
        return Found(run=run, all=kept_by(run), number=0), feed

    async def _go_on(self, waiting: Run) -> tuple[Found, Feed]:
        results, then = self.conversation.results()
        if not results and self.previous is not None and self.conversation.messages:
            words = [part for message in self.conversation.messages for part in message.parts]
            then = Message(role="user", parts=words)
        before = _frozen(waiting)
        terms = self._terms(before, Kept(created_at=_now(), echo={}, before=waiting.usage))
        run, feed = await self.call.runtime.client_calls.answer(
            self.call.who,
            waiting.id,
            results,
            decisions=decisions_of(self.call.body.items()),
            then=then,
            terms=terms,
        )
        return Found(run=run, all=kept_by(run), number=len(before)), feed

    def _terms(self, before: list[Kept], kept: Kept) -> Terms:
        """What is asked of the run, with the response among those that it keeps."""
        body, definition = self.call.body, self.version.definition
        kept.echo = echo_of(body, definition.settings)
        kept.stored = body.store is not False
        kept.previous = body.previous_response_id
        if self.thread_id is not None:
            kept.conversation = conversation_id(self.thread_id)
        kept.clients = [tool.name for tool in body.tools or ()]
        try:
            terms = terms_of(body, self.conversation, {})
        except ValidationError as error:
            raise invalid(error) from None
        kept.structured = terms.output is not None or definition.output is not None
        terms.kept, terms.passing = as_kept([*before, kept]), self._passing
        return terms

    @property
    def _passing(self) -> bool:
        """Whether nothing of it is to be left; what is said in a conversation stays there."""
        return self.call.body.store is False and self.thread_id is None


async def responding(call: Call[ResponseRequest, Nothing]) -> Responding:
    """A request with what it names.

    Raises:
        NotFound: There is no such agent, response or conversation.
        InvalidInput: It does not say whom to ask or what.
    """
    body = call.body
    if body.previous_response_id is not None and body.conversation is not None:
        raise InvalidInput(
            "Name a previous response or a conversation, not both.", param="conversation"
        )
    if body.background and body.store is False:
        raise InvalidInput("A response in the background must be stored.", param="background")
    previous, thread_id = None, None
    if body.previous_response_id is not None:
        previous = await find(
            call.runtime, call.who, body.previous_response_id, param="previous_response_id"
        )
    if body.conversation is not None:
        thread_id = await _thread(call, body)
    name = body.model or (None if previous is None else previous.run.agent)
    if name is None:
        raise InvalidInput("model: Name the agent that is to answer.", param="model")
    version = await agent_of(call.runtime, call.who, name)
    return Responding(call=call, version=version, previous=previous, thread_id=thread_id)


async def _thread(call: Call[ResponseRequest, Nothing], body: ResponseRequest) -> str:
    wanted = body.conversation
    named = wanted.id if isinstance(wanted, ConversationId) else wanted or ""
    return (await thread_of(call.runtime, call.who, named, param="conversation")).id


def _frozen(run: Run) -> list[Kept]:
    """The responses of a run that goes on under another one."""
    found, terms = kept_by(run), run.terms
    if found and terms is not None:
        found[-1].after, found[-1].since = terms.after, terms.since
    return found


def _of_client(asked: list[Approval]) -> list[Approval]:
    return [each for each in asked if _is_of_client(each)]


def _is_of_client(asked: Approval) -> bool:
    return asked.question is not None and asked.question.asked == "client"


def _now() -> int:
    return int(time.time())
