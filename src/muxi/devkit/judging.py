"""Whether an answer is what a case expects, and what is amiss in words. Called by `case_run`."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from muxi.devkit.answers import content_of, is_error, structured, text_of
from muxi.devkit.cases import Case, Expect
from muxi.devkit.exchange import Json
from muxi.devkit.parts import differences
from muxi.devkit.schemas import faults_of
from muxi.devkit.session import Reply

_SHOWN = 300
"""Characters of an answer that a complaint repeats."""


def complaints(case: Case, reply: Reply, output_schema: Json | None) -> list[str]:
    """What is not as expected; nothing where all is."""
    expect = case.expect
    found = list(_of_error(expect, reply))
    if found:
        return found
    found += _of_text(expect, text_of(reply))
    found += _of_result(case, reply)
    if output_schema is not None and not is_error(reply):
        found += _of_output_schema(reply, output_schema)
    if expect.content is not None:
        kinds = tuple(str(piece.get("type")) for piece in content_of(reply.result or {}))
        if kinds != expect.content:
            found.append(f"the content is {list(kinds)} instead of {list(expect.content)}")
    if reply.progress < expect.progress:
        found.append(f"{reply.progress} notices of progress came instead of {expect.progress}")
    if expect.within_ms is not None and reply.seconds * 1000 > expect.within_ms:
        found.append(f"it took {reply.seconds * 1000:.0f} ms instead of {expect.within_ms:g}")
    return found


def _of_error(expect: Expect, reply: Reply) -> Iterator[str]:
    wanted = expect.error is not False or expect.code is not None
    words = text_of(reply)
    if is_error(reply) and not wanted:
        yield f"it is an error: {words[:_SHOWN]}"
    elif wanted and not is_error(reply):
        yield f"it is no error, but: {words[:_SHOWN]}"
    elif isinstance(expect.error, str) and expect.error.lower() not in words.lower():
        yield f"its error does not say {expect.error!r}, but: {words[:_SHOWN]}"
    if wanted and expect.code is not None:
        code = (reply.error or {}).get("code")
        if code != expect.code:
            what = "no error of the protocol" if code is None else f"the code {code}"
            yield f"it has {what} instead of {expect.code}"


def _of_text(expect: Expect, text: str) -> Iterator[str]:
    for words in expect.contains:
        if words not in text:
            yield f"its text does not contain {words!r}: {text[:_SHOWN]}"
    for words in expect.lacks:
        if words in text:
            yield f"its text contains {words!r}: {text[:_SHOWN]}"
    if expect.matches is not None and not re.search(expect.matches, text):
        yield f"its text does not match {expect.matches!r}: {text[:_SHOWN]}"


def _of_result(case: Case, reply: Reply) -> Iterator[str]:
    expect = case.expect
    result = structured(reply, case.verb)
    if "result" in expect.model_fields_set:
        yield from differences(expect.result, result)
    if "equals" in expect.model_fields_set:
        wanted: Any = expect.equals
        exact = list(differences(wanted, result)) or list(differences(result, wanted))
        if exact:
            yield f"the result is {result!r} instead of {wanted!r}"
    if expect.result_schema is not None:
        yield from (
            f"the result does not fit: {fault}" for fault in faults_of(result, expect.result_schema)
        )
    if expect.names:
        names = _names(case, reply.result or {})
        missing = [name for name in expect.names if name not in names]
        if missing:
            yield f"the list lacks {', '.join(missing)}"


def _of_output_schema(reply: Reply, schema: Json) -> Iterator[str]:
    result = reply.result or {}
    if "structuredContent" not in result:
        yield "it has no structuredContent, although the tool declares an outputSchema"
        return
    for fault in faults_of(result["structuredContent"], schema):
        yield f"structuredContent does not fit the tool's outputSchema: {fault}"


def _names(case: Case, result: Json) -> set[str]:
    keys = {"resources": "uri", "templates": "uriTemplate"}
    kind = "resourceTemplates" if case.list == "templates" else str(case.list)
    items = result.get(kind) or ()
    return {
        str(item.get(key)) for item in items for key in (keys.get(str(case.list), "name"), "name")
    }
