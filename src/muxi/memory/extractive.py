"""A summary made of the weightiest sentences, word for word: it needs no model and invents nothing.

Called by `strategies`. A sentence weighs what its words tell inside the conversation and have not
been told by another one; numbers, names, decisions and open questions count more. Each call of a
tool is one line. Everything here is deterministic, and takes bounded time for any text.
"""

from __future__ import annotations

import heapq
import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from math import fsum

from muxi.core.messages import Message, RefusalPart, TextPart, ToolResultPart, media
from muxi.models.tokens import estimate_text
from muxi.retrieval.words import rarity, words
from muxi.wire.encoded import to_json

_LONGEST_TEXT = 30_000
"""Characters of one message that are read: two thirds from its beginning, the rest from its end."""
_LONGEST_LINE = 320
_LONGEST_ARGUMENTS = 80
_LONGEST_GIST = 100
_MOST_LINES = 6_000
_LEAST_FRESH = 0.25
"""Share of the room for what is new, however much was summarised before."""
_UNNAMED = frozenset({"", "local"})
"""Authors that tell nobody who it was."""
_FRAME = 12
"""Tokens added to each line's size when it is weighed, so that short ones do not win by that."""
_HEADING = 13
"""Tokens of the heading of a day."""
_LEAST_NEW = 0.25
"""A line of whose weight less is new than this share says what others have said."""

_UNLISTED = "tools called besides: "
_COUNT_ROOM = 40
"""Tokens for the line that counts the calls which are not told one by one."""

OPEN = " (open question)"
"""Stands behind the speaker of a question that nobody has answered."""

_DAY = re.compile(r"\[\d{4}-\d\d-\d\d\]")
_FENCED = re.compile(r"^[ \t]*```.*?(?:^[ \t]*```[ \t]*$|\Z)", re.MULTILINE | re.DOTALL)
_ENDS = re.compile(r"(?<=[.!?\u061f\u0964])\s+|(?<=[\u3002\uff01\uff1f])|\n+")
_ASKS = re.compile(r"[?\uff1f\u061f\u037e][\"'\u201d\u2019)\]]*$")
_BULLET = re.compile(r"^[\s>#*+\u2022-]+")
_NUMBER = re.compile(r"\d")
_DECISION = re.compile(
    r"\b(?:decid|agree[ds]?\b|chose|settle[ds]? (?:on|for)|we(?:'ll| will)\b|let's\b|remember\b"
    r"|must\b|never\b|always\b|instead of\b|from now on|prefer|deadline"
    r"|entschied|entscheid|beschlossen|vereinbart|einigten|bevorzug|ab jetzt"
    r"|d[eé]cid|convenu|pr[eé]f[eè]r|dor[eé]navant|acordamos|acord[oó]\b|prefier|a partir de ahora"
    r"|combinamos|prefiro|deciso|preferisco|реши|договор|предпоч)"
    r"|決め|決定|決まり|决定|同意|约定|確定|确定|결정|합의",
    re.IGNORECASE,
)


@dataclass(slots=True)
class _Line:
    day: str
    text: str
    factor: float
    fresh: bool
    tokens: int = 0
    words: frozenset[str] = frozenset()
    weight: float = 0.0


def tokens_of(text: str) -> int:
    """Tokens of `text`, estimated from above."""
    return int(sum(estimate_text(text))) + 1


def extract(
    earlier: Sequence[str],
    messages: Sequence[Message],
    room: int,
    *,
    before: int = 0,
    beside: Sequence[str] = (),
) -> str:
    """The weightiest lines of earlier summaries and of messages, in their order.

    Args:
        earlier: Texts of summaries of what was before, oldest first.
        messages: What was said since, oldest first.
        room: Most tokens of the result, estimated from above.
        before: How many messages `earlier` stands for: by it the room is shared out.
        beside: Texts that stand beside the result, and need not be told once more.
    """
    lines = [*_told(earlier, messages), *_said(messages)][-_MOST_LINES:]
    calls = _uncounted(earlier)
    counted = _COUNT_ROOM if room > 4 * _COUNT_ROOM and (calls or any(map(_is_call, lines))) else 0
    share = max(_LEAST_FRESH, len(messages) / max(1, before + len(messages)))
    chosen = _chosen(lines, room - counted, share, beside)
    out: list[str] = []
    day = ""
    for at in sorted(chosen):
        line = lines[at]
        if line.day != day:
            day = line.day
            out.append(f"[{day}]" if day else "")
        out.append(line.text)
    if counted:
        left = (line for at, line in enumerate(lines) if at not in chosen and _is_call(line))
        calls.update(line.text[5:].partition("(")[0] for line in left)
        out += _count(calls)
    return "\n".join(out).strip()


def transcript(messages: Sequence[Message]) -> Iterator[str]:
    """Each message as a line or some, calls with what came of them: for a model to read."""
    for message, result in _with_results(messages):
        day = message.created_at.date().isoformat()
        text = _shortened(_text(message))
        if text:
            yield f"[{day}] {_speaker(message)}{_state(message)}: {text}"
        for line in _calls(message, result):
            yield f"[{day}] {line}"


def _told(earlier: Sequence[str], messages: Sequence[Message]) -> Iterator[_Line]:
    """The lines of earlier summaries; a question that has been answered since is no longer open."""
    answers = frozenset(word for each in messages for word in words(_shortened(_text(each))))
    day = ""
    for told in (line.strip() for text in earlier for line in text.splitlines()):
        line = told
        if _DAY.fullmatch(line):
            day = line[1:-1]
        elif line and not line.startswith(_UNLISTED):
            if OPEN in line:
                asked = set(words(line.partition(": ")[2]))
                answered = len(asked & answers) * 2 > len(asked)
                line = line.replace(OPEN, "", 1) if answered else line
            factor = _by(line) * _factor(line.partition(": ")[2])
            yield _Line(day, _cut(line, 2 * _LONGEST_LINE), factor, fresh=False)


def _is_call(line: _Line) -> bool:
    return line.text.startswith("tool ") and "(" in line.text


def _uncounted(earlier: Sequence[str]) -> Counter[str]:
    """The calls that earlier summaries only counted."""
    calls: Counter[str] = Counter()
    for line in (line for text in earlier for line in text.splitlines()):
        if line.startswith(_UNLISTED):
            for each in line.removeprefix(_UNLISTED).split(", "):
                name, _, number = each.rpartition(" ")
                calls[name] += int(number) if number.isdecimal() else 0
    return calls


def _count(calls: Counter[str]) -> Iterator[str]:
    """One line that says how often each tool was called, beside what is told of its calls."""
    most = [f"{name} {number}" for name, number in calls.most_common(8) if name and number]
    while most and tokens_of(_UNLISTED + ", ".join(most)) >= _COUNT_ROOM:
        most.pop()
    if most:
        yield _UNLISTED + ", ".join(most)


def _said(messages: Sequence[Message]) -> Iterator[_Line]:
    pairs = list(_with_results(messages))
    for at, (message, result) in enumerate(pairs):
        day = message.created_at.date().isoformat()
        who = f"{_speaker(message)}{_state(message)}"
        answer = next((m for m, _ in pairs[at + 1 : at + 4] if m.role != message.role), None)
        for sentence in _sentences(_text(message)):
            open_mark = OPEN if _is_open(sentence, answer) else ""
            line = f"{who}{open_mark}: {sentence}"
            yield _Line(day, line, _by(line) * _factor(sentence), fresh=True)
        for part in media(message.parts):
            words_of = f"{who} sent {part.name or 'something'} ({part.media_type})"
            yield _Line(day, _one_line(words_of, _LONGEST_LINE), 0.8, fresh=True)
        for line in _calls(message, result):
            yield _Line(day, line, _by(line), fresh=True)


def _by(line: str) -> float:
    """How much a line counts for who says it: a person's own words cannot be had again."""
    if line.startswith("tool "):
        return 0.6
    by = 0.9 if line.startswith("assistant") else 1.2
    return by * 1.5 if OPEN in line[:80] else by


def _factor(sentence: str) -> float:
    factor = 1.25 if _NUMBER.search(sentence) else 1.0
    if any(len(word) > 1 and word[0].isupper() for word in sentence.split()[1:40]):
        factor *= 1.15
    return factor * 1.4 if _DECISION.search(sentence) else factor


@dataclass(slots=True)
class _Choice:
    """Lines, the weightiest first, each weighed by what those before it have not said."""

    lines: Sequence[_Line]
    rarity: dict[str, float]
    covered: set[str]
    chosen: set[int] = field(default_factory=set[int])
    _days: set[str] = field(default_factory=set[str])

    def fill(self, among: Iterable[int], room: int) -> int:
        """Choose `among` as many as fit into `room` tokens; returns what is left of it."""
        heap = [(-self._score(at), at) for at in among if at not in self.chosen]
        heapq.heapify(heap)
        while heap and room > _FRAME:
            before, at = heapq.heappop(heap)
            line = self.lines[at]
            size = line.tokens + (_HEADING if line.day and line.day not in self._days else 0)
            if size > room:
                continue
            score = self._score(at)
            if heap and -score > heap[0][0] and -score > before:
                # Others have said some of it meanwhile: back into the queue, where it now belongs.
                heapq.heappush(heap, (-score, at))
                continue
            if score <= 0:
                break
            self.chosen.add(at)
            self.covered |= line.words
            self._days.add(line.day)
            room -= size
        return room

    def _score(self, at: int) -> float:
        line = self.lines[at]
        new = fsum(self.rarity[word] for word in line.words - self.covered)
        if new <= _LEAST_NEW * line.weight:
            return 0.0
        return new * line.factor / (line.tokens + _FRAME) ** 0.5


def _chosen(lines: Sequence[_Line], room: int, share: float, beside: Sequence[str]) -> set[int]:
    for line in lines:
        line.words = frozenset(words(line.text))
        line.tokens = tokens_of(line.text) + 1
    known = [frozenset(words(line)) for text in beside for line in text.splitlines()]
    rarities = rarity([*map(tuple, known), *(tuple(line.words) for line in lines)])
    for line in lines:
        line.weight = fsum(rarities[word] for word in line.words)
    choice = _Choice(lines, rarities, covered=set[str]().union(*known))
    old = [at for at, line in enumerate(lines) if not line.fresh]
    fresh = [at for at, line in enumerate(lines) if line.fresh]
    for_fresh = int(room * share)
    left = choice.fill(fresh, for_fresh) + choice.fill(old, room - for_fresh)
    choice.fill(range(len(lines)), left)
    return choice.chosen


def _with_results(
    messages: Sequence[Message],
) -> Iterator[tuple[Message, dict[str, ToolResultPart]]]:
    """Each message that is no tool result, with the results of its calls."""
    current: Message | None = None
    results: dict[str, ToolResultPart] = {}
    for message in messages:
        if message.role == "tool":
            given = (part for part in message.parts if isinstance(part, ToolResultPart))
            results.update((part.call_id, part) for part in given)
            continue
        if current is not None:
            yield current, results
        current, results = message, {}
    if current is not None:
        yield current, results


def _calls(message: Message, results: dict[str, ToolResultPart]) -> Iterator[str]:
    for call in message.tool_calls:
        arguments = call.malformed or to_json(call.arguments).decode("utf-8", "replace")
        line = f"tool {call.name}({_one_line(arguments, _LONGEST_ARGUMENTS)})"
        result = results.get(call.id)
        if result is None:
            yield f"{line}: no result"
            continue
        gist = _one_line(result.text[: 4 * _LONGEST_GIST], _LONGEST_GIST)
        outcome = "" if result.outcome == "ok" else f"{result.outcome} "
        yield f"{line}: {outcome}{gist}".rstrip()


def _speaker(message: Message) -> str:
    who = message.author if message.role == "user" else None
    return message.role if who is None or who in _UNNAMED else _one_line(who, 40)


def _state(message: Message) -> str:
    return " (cut off)" if message.status == "partial" else ""


def _text(message: Message) -> str:
    said = (part.text for part in message.parts if isinstance(part, TextPart | RefusalPart))
    return "\n".join(said)


def _shortened(text: str) -> str:
    if len(text) <= _LONGEST_TEXT:
        return text
    third = _LONGEST_TEXT // 3
    return f"{text[: 2 * third]}\n…\n{text[-third:]}"


def _sentences(text: str) -> Iterator[str]:
    for piece in _ENDS.split(_FENCED.sub("\n", _shortened(text))):
        sentence = _one_line(_BULLET.sub("", piece), _LONGEST_LINE)
        if any(letter.isalnum() for letter in sentence):
            yield sentence


def _is_open(sentence: str, answer: Message | None) -> bool:
    """Whether `sentence` is a question of which the answer, if there is one, says nothing."""
    if not _ASKS.search(sentence):
        return False
    if answer is None:
        return True
    asked = set(words(sentence))
    return bool(asked) and asked.isdisjoint(words(_shortened(_text(answer))))


def _one_line(text: str, most: int) -> str:
    # Whatever was said, it cannot begin a line of its own here.
    return _cut(" ".join(text[: 8 * most].split()), most)


def _cut(text: str, most: int) -> str:
    if len(text) <= most:
        return text
    whole = text[: most - 1].rpartition(" ")[0]
    return f"{whole if len(whole) > most // 2 else text[: most - 1]}…"
