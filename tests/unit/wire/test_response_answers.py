"""Responses whose runs' events are not all kept any more."""

from __future__ import annotations

from muxi.core.events import Gap, MessageCompleted, MessageStarted, RunCompleted, TextDelta
from muxi.core.messages import Message, TextPart
from muxi.core.usage import Usage
from muxi.wire.responses.told import ResponseAnswer


def test_an_answer_is_whole_although_pieces_of_it_are_gone() -> None:
    answer = ResponseAnswer(
        base={"id": "resp_1"}, structured=False, before=Usage(), clients=frozenset()
    )
    answer.begin()
    said = Message(id="msg_1", role="assistant", parts=[TextPart(text="It rains a lot.")])
    told = [
        each
        for event in (
            MessageStarted(message_id="msg_1"),
            TextDelta(text="It "),
            Gap(from_seq=3, thread_id="thr_1"),
            MessageCompleted(message=said),
            RunCompleted(status="completed", text=said.text, usage=Usage()),
        )
        for each in answer.take(event, at=1)
    ]
    deltas = [each["delta"] for each in told if each["type"] == "response.output_text.delta"]
    assert deltas == ["It ", "rains a lot."]
    (item,) = answer.resource()["output"]
    assert item["content"][0]["text"] == "It rains a lot."
    assert answer.resource()["status"] == "completed"
