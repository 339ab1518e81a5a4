"""Writes docs/reference/openapi.json: the contract of the API, which clients are built on.

Run it after a change of the API. It refuses to write what would break a client of the contract:
something taken away, a request that was admitted and no longer is, an answer that nobody expects.
`--breaking` writes it all the same; such a change belongs into CHANGELOG.md. `--check` writes
nothing and tells what is wrong.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from schema_fits import Fits

from muxi.server.openapi import describe
from muxi.server.table import all_operations

FILE = Path(__file__).parents[1] / "docs" / "reference" / "openapi.json"

Document = Mapping[str, Any]


def described() -> dict[str, Any]:
    """The API as it is; the version of the program is no part of its contract."""
    document = describe(all_operations())
    document["info"]["version"] = "0"
    return document


def text_of(document: Document) -> str:
    return json.dumps(document, indent=1, ensure_ascii=False, sort_keys=True) + "\n"


def broken(old: Document, new: Document) -> list[str]:
    """What of the contract `old` the API `new` does not keep."""
    known, present = old["components"]["schemas"], new["components"]["schemas"]
    # What clients send must be taken; what they are given, they must be able to read.
    between = _Between(old, new, sent=Fits(known, present), given=Fits(present, known, whole=True))
    return [
        f"{method.upper()} {path}: {reason}"
        for path, methods in old["paths"].items()
        for method, operation in methods.items()
        for reason in _broken(operation, new["paths"].get(path, {}).get(method), between)
    ]


@dataclass(frozen=True)
class _Between:
    old: Document
    new: Document
    sent: Fits
    given: Fits


def _broken(before: Document, after: Document | None, between: _Between) -> Iterator[str]:
    if after is None:
        yield "it is gone"
        return
    if before["operationId"] != after["operationId"]:
        yield "its operationId is another"
    yield from _broken_parameters(before, after, between)
    body, fresh = before.get("requestBody"), after.get("requestBody")
    if fresh is not None and fresh["required"] and body is None:
        yield "a body is required now"
    for kind, content in (body or {}).get("content", {}).items():
        taken = (fresh or {}).get("content", {}).get(kind)
        if taken is None:
            yield f"it takes no {kind} any more"
        else:
            yield from between.sent.reasons(content["schema"], taken["schema"], "the body")
    for status, answer in before["responses"].items():
        if status not in after["responses"]:
            yield f"it no longer answers {status}"
            continue
        for kind, content in answer.get("content", {}).items():
            given = after["responses"][status].get("content", {}).get(kind)
            if given is None:
                yield f"its answer {status} is no {kind} any more"
            else:
                where = f"the answer {status}"
                yield from between.given.reasons(given["schema"], content["schema"], where)


def _broken_parameters(before: Document, after: Document, between: _Between) -> Iterator[str]:
    known = {_key(each): each for each in _parameters(before, between.old)}
    now = {_key(each): each for each in _parameters(after, between.new)}
    for key, parameter in known.items():
        if key not in now:
            yield f"the parameter {key[1]} is gone"
            continue
        if now[key]["required"] and not parameter["required"]:
            yield f"the parameter {key[1]} is required now"
        name = f"the parameter {key[1]}"
        yield from between.sent.reasons(parameter["schema"], now[key]["schema"], name)
    for key in now.keys() - known.keys():
        if now[key]["required"]:
            yield f"the parameter {key[1]} is new and required"


def _parameters(operation: Document, document: Document) -> Iterator[Document]:
    for parameter in operation["parameters"]:
        if "$ref" in parameter:
            name = parameter["$ref"].rpartition("/")[2]
            yield document["components"]["parameters"][name]
        else:
            yield parameter


def _key(parameter: Document) -> tuple[str, str]:
    return parameter["in"], parameter["name"]


def main() -> int:
    new = described()
    text = text_of(new)
    before = FILE.read_text(encoding="utf-8") if FILE.exists() else None
    if before == text:
        print("the contract is fresh")
        return 0
    reasons = [] if before is None else broken(json.loads(before), new)
    for reason in reasons:
        print(f"breaks clients: {reason}", file=sys.stderr)
    if "--check" in sys.argv or (reasons and "--breaking" not in sys.argv):
        print("stale: run scripts/make_openapi.py", file=sys.stderr)
        return 1
    FILE.write_text(text, encoding="utf-8")
    print(f"wrote {FILE.name}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
