"""What one test of the wire consists of: the bytes of a provider, and what is to come of them."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Any


@dataclass(frozen=True)
class Case:
    """A stream composed from the published format; none of them is a recording."""

    name: str
    stream: bytes
    error: str | None = None
    """Class of our error when the stream is broken; None when it is valid."""
    status: int = 200
    kind: str = "text/event-stream"
    headers: dict[str, str] = field(default_factory=dict)
    cut: bool = False
    """Whether the connection breaks after the last byte."""
    differs: bool = False
    """Whether the SDK reads this valid stream otherwise; how is in `sdk_behaviour.json`."""


def sse(events: Iterable[Any], *, names: Callable[[Any], str] | None = None) -> bytes:
    """`events` as a stream; strings and bytes stand as they are, all else as JSON."""
    out: list[bytes] = []
    for event in events:
        if isinstance(event, bytes):
            out.append(event)
            continue
        data = event if isinstance(event, str) else json.dumps(event, ensure_ascii=False)
        head = f"event: {names(event)}\n" if names is not None else ""
        out.append(f"{head}data: {data}\n\n".encode())
    return b"".join(out)


def transports(base: Case, *, differing: Iterable[str] = ()) -> list[Case]:
    """The same answer in every form that server-sent events allow.

    https://html.spec.whatwg.org/multipage/server-sent-events.html#event-stream-interpretation
    """
    stream = base.stream
    comment = b": keep-alive\n\n"
    spread = b"".join(
        b"data: {\ndata:" + line[len(b"data: {") :] + b"\n"
        if line.startswith(b"data: {")
        else line + b"\n"
        for line in stream.split(b"\n")[:-1]
    )
    forms = {
        "crlf": stream.replace(b"\n", b"\r\n"),
        "cr": stream.replace(b"\n", b"\r"),
        "mixed_line_ends": stream.replace(b"\n\n", b"\r\n\n"),
        "comments": comment + stream.replace(b"\n\n", b"\n\n" + comment),
        "comment_inside": stream.replace(b"data: ", b": note\ndata: "),
        "bom": b"\xef\xbb\xbf" + stream,
        "ids_and_retry": b"retry: 3000\nid: 1\n\n" + stream.replace(b"data: ", b"id: 7\ndata: "),
        "no_space_after_colon": stream.replace(b"data: ", b"data:").replace(b"event: ", b"event:"),
        "data_on_two_lines": spread,
        "blank_lines": b"\n\n" + stream.replace(b"\n\n", b"\n\n\n\n"),
    }
    return [
        replace(base, name=f"{base.name}_{name}", stream=form, differs=name in differing)
        for name, form in forms.items()
    ]
