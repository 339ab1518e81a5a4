"""Tokens counted without a tokenizer: too many rather than too few, and corrected by what the
provider reports. Used by the models whose tokenizer does not ship.

The tokenizers of the large providers are downloads or secrets, and a program that must not exceed
a limit needs a bound, not an average.
"""

from __future__ import annotations

import re
import string
from collections.abc import Sequence
from functools import lru_cache
from operator import itemgetter
from typing import NamedTuple

from muxi.core.events import ResponseCompleted
from muxi.core.messages import (
    AnyPart,
    AudioPart,
    FilePart,
    ImagePart,
    MediaPart,
    Message,
    ToolCallPart,
    ToolContent,
    ToolResultPart,
)
from muxi.core.once import Once
from muxi.core.requests import ModelRequest, ToolSpec
from muxi.models.model import Price
from muxi.wire.encoded import to_json

_LOWER = string.ascii_lowercase.encode()
_UPPER = string.ascii_uppercase.encode()
_RUNS = re.compile(rb"[A-Za-z0-9+/_=-]{25,}")
"""Keys, hashes, base 64: tokens of one or two characters."""
_NUMBERS = re.compile(rb"[ \t]\d")
_BLANKS = b" \t"
_HIGH = bytes(range(128, 256))

_MESSAGE = 8
"""Tokens that frame a message, at most."""
_IMAGE = 3000
"""Tokens of one large image with the provider that counts the most."""
_LEAST = 64
"""A prompt with fewer estimated tokens teaches nothing: the frame is most of it."""
_MARGIN = 1.1
_LEAST_PLAIN = 0.4
"""Share of the estimate below which no report is believed: prose then has a token for each 7 to 8
bytes, and the vocabularies that pack most have one for 5, which is half of the estimate."""
_LEAST_OTHER = 0.125
"""Likewise for other scripts: a token for each 8 bytes, which are two to four letters."""


class Estimate(NamedTuple):
    """Tokens of a text, those of other scripts than ASCII apart: tokenizers differ most there."""

    plain: float
    other: float

    def __add__(self, more: object) -> Estimate:
        if not isinstance(more, Estimate):
            return NotImplemented
        return Estimate(self.plain + more.plain, self.other + more.other)


def estimate_text(text: str) -> Estimate:
    """An upper estimate of the tokens of `text` in a byte-level vocabulary.

    No token is shorter than a byte, which bounds other scripts, and what is no language. In ASCII
    prose and code, digits and punctuation count one each, letters by weight, and blanks little.
    """
    data = text.encode("utf-8", "replace")
    plain = data.translate(None, _HIGH)
    other = len(data) - len(plain)
    runs = sum(map(len, _RUNS.findall(plain)))
    if runs:
        plain = _RUNS.sub(b"", plain)
    size = len(plain)
    blanks = size - len(plain.translate(None, _BLANKS))
    lower = size - len(plain.translate(None, _LOWER))
    upper = size - len(plain.translate(None, _UPPER))
    rest = size - blanks - lower - upper
    # The blank before a word belongs to its token, but not the one before a number.
    apart = max(0, blanks - len(plain.split())) * 0.5 + len(_NUMBERS.findall(plain))
    return Estimate(1 + runs + rest + lower * 0.42 + upper * 0.8 + apart, other)


@lru_cache(maxsize=256)
def _of_fixed(text: str) -> Estimate:
    """The estimate of what stands in every request alike: instructions and schemas."""
    return estimate_text(text)


_PLAIN = itemgetter(0)
_OTHER = itemgetter(1)


class TokenEstimate:
    """Counts for one model. Estimates of what lives on, such as messages, are kept with it."""

    __slots__ = ("_message", "_other_ratio", "_plain_ratio", "_tool")

    def __init__(self) -> None:
        self._message: Once[Message, Estimate] = Once(_of_message)
        self._tool: Once[ToolSpec, Estimate] = Once(_of_tool)
        self._plain_ratio = 1.0
        self._other_ratio = 1.0

    def count(self, *messages: Message) -> int:
        return self._whole(self._together(messages), texts=len(messages))

    def count_text(self, text: str) -> int:
        return self._whole(_of_fixed(text)) if text else 0

    def _whole(self, estimate: Estimate, *, texts: int = 1) -> int:
        """Tokens of so many texts together: no fewer than of each for itself."""
        plain, other = estimate
        return int(plain * self._plain_ratio + other * self._other_ratio) + texts

    def _together(self, messages: Sequence[Message]) -> Estimate:
        each = self._message.each(messages)
        return Estimate(sum(map(_PLAIN, each)), sum(map(_OTHER, each)))

    def settle(self, request: ModelRequest, done: ResponseCompleted, price: Price | None) -> None:
        """Learn from the usage that `done` reports; fill in an estimate where it reports none, and
        the cost where the price is known."""
        usage = done.usage
        estimate = self._of_request(request)
        if usage.input_tokens:
            self._learn(estimate, usage.input_tokens)
        elif not usage.output_tokens:
            usage.input_tokens = self._whole(estimate)
            answer = sum((_of_part(part) for part in done.parts), Estimate(0, 0))
            usage.output_tokens = self._whole(answer)
        if usage.cost is None and price is not None:
            usage.cost = price.cost(usage)

    def _of_request(self, request: ModelRequest) -> Estimate:
        whole = sum(self._tool.each(request.tools), self._together(request.messages))
        return whole + _of_fixed(request.instructions) if request.instructions else whole

    def _learn(self, estimate: Estimate, reported: int) -> None:
        total = estimate.plain + estimate.other
        if total < _LEAST:
            return
        ratio = reported / total * _MARGIN
        # Upwards at once, downwards slowly: a bound that is too low is the worse mistake.
        if estimate.other <= 0.1 * total:
            slowly = 0.9 * self._plain_ratio + 0.1 * ratio
            self._plain_ratio = max(ratio, slowly, _LEAST_PLAIN)
        elif estimate.other >= 0.5 * total:
            slowly = 0.9 * self._other_ratio + 0.1 * ratio
            self._other_ratio = max(ratio, slowly, _LEAST_OTHER)


def _of_message(message: Message) -> Estimate:
    return sum((_of_part(part) for part in message.parts), Estimate(_MESSAGE, 0))


def _of_part(part: AnyPart | ToolContent) -> Estimate:
    if isinstance(part, ToolCallPart):
        text = part.malformed or to_json(part.arguments).decode()
        return estimate_text(f"{part.id} {part.name} {text}")
    if isinstance(part, ToolResultPart):
        content = (_of_part(item) for item in part.content)
        return sum(content, estimate_text(f"{part.call_id} {part.name}"))
    if isinstance(part, MediaPart):
        return Estimate(_of_media(part), 0)
    text = getattr(part, "text", None)
    return estimate_text(text) if isinstance(text, str) else Estimate(0, 0)


def _of_media(part: MediaPart) -> int:
    size = len(part.data or b"")
    if isinstance(part, ImagePart):
        return _IMAGE
    if isinstance(part, AudioPart):
        # 32 tokens a second is the dearest, and 4 kB a second the tightest common encoding.
        return size // 125 + 64
    if isinstance(part, FilePart) and part.media_type.startswith("text/"):
        return size
    # A dense page of a PDF takes some 30 kB and at most 3,000 tokens.
    return size // 10 + _IMAGE


def _of_tool(tool: ToolSpec) -> Estimate:
    schema = to_json(tool.parameters).decode()
    return estimate_text(f"{tool.name} {tool.description} {schema}") + Estimate(_MESSAGE, 0)
