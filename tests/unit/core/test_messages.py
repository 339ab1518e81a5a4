"""Media among the parts of messages."""

from __future__ import annotations

import pytest

from muxi.core.messages import (
    AnyPart,
    FilePart,
    ImagePart,
    Message,
    ReasoningPart,
    TextPart,
    ToolCallPart,
    ToolResultPart,
    UnknownPart,
    has_media,
    media,
)

IMAGE = ImagePart(media_type="image/png", data=b"dots")
TEXT = TextPart(text="words")


@pytest.mark.parametrize(
    "parts",
    [
        [],
        [TEXT],
        [TEXT, IMAGE],
        [FilePart(url="https://example.org/a.pdf")],
        [ReasoningPart(text="hm"), ToolCallPart(id="c", name="t"), UnknownPart(type="new")],
        [ToolResultPart(call_id="c", name="t", content=[TEXT])],
        [ToolResultPart(call_id="c", name="t", content=[TEXT, IMAGE])],
    ],
)
def test_a_message_has_media_exactly_if_some_are_found_in_it(parts: list[AnyPart]) -> None:
    assert has_media(Message(role="user", parts=parts)) == any(media(parts))


def test_nobody_can_send_what_a_provider_keeps() -> None:
    sent = {"type": "image", "url": "https://example.org/a.png", "_original": {"id": "file-1"}}
    kept = {"type": "kept", "kind": "image", "id": "file-1", "media_type": "image/png"}
    image, other = Message.model_validate({"role": "user", "parts": [sent, kept]}).parts
    assert isinstance(image, ImagePart)
    assert image.original is None
    assert isinstance(other, UnknownPart), "no format knows such a part"
