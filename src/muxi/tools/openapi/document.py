"""An OpenAPI document as it lies in a file, and where its references lead.

Nothing is fetched: a reference out of the document leads nowhere.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, cast

import yaml

from muxi.core.errors import InvalidInput

LARGEST: Final = 20_000_000
"""Bytes of a document."""
_DEEPEST: Final = 200
_LONGEST_CHAIN: Final = 50
"""References that lead to references."""

Object = dict[str, Any]


class _Loader(yaml.CSafeLoader):
    """YAML in which a date is a text, as it is in JSON."""


_Loader.yaml_implicit_resolvers = {
    first: [pair for pair in pairs if pair[0] != "tag:yaml.org,2002:timestamp"]
    for first, pairs in yaml.CSafeLoader.yaml_implicit_resolvers.items()
}


class Document:
    """One document, version 3.0 or 3.1."""

    def __init__(self, data: Object) -> None:
        self.data = data

    def follow(self, value: Any) -> Object:
        """The object that `value` is or refers to; empty if it leads nowhere."""
        for _ in range(_LONGEST_CHAIN):
            if not isinstance(value, dict):
                return {}
            found = cast("Object", value)
            reference = found.get("$ref")
            if not isinstance(reference, str):
                return found
            value = self.at(reference)
        return {}

    def at(self, reference: str) -> Any:
        """What a reference within the document leads to; None if nothing."""
        if not reference.startswith("#/"):
            return None
        value: Any = self.data
        for step in reference[2:].split("/"):
            key = step.replace("~1", "/").replace("~0", "~")
            if isinstance(value, dict):
                value = cast("Object", value).get(key)
            elif isinstance(value, list) and key.isdecimal():
                items = cast("list[Any]", value)
                value = items[int(key)] if int(key) < len(items) else None
            else:
                return None
        return value


def read_document(file: Path) -> Document:
    """The document in `file`, JSON or YAML.

    Raises:
        InvalidInput: It cannot be read, or is no OpenAPI 3 document.
    """
    try:
        if file.stat().st_size > LARGEST:
            raise InvalidInput(
                f"{file} is larger than {LARGEST:,} bytes.",
                hint="Cut it down to the paths that the server is for.",
            )
        data = _parsed(file.read_text(encoding="utf-8-sig"), file)
    except OSError as error:
        raise InvalidInput(f"{file} cannot be read: {error.strerror}.") from error
    except UnicodeDecodeError:
        raise InvalidInput(f"{file} is no text in UTF-8.") from None
    if not isinstance(data, dict):
        raise InvalidInput(f"{file} holds no OpenAPI document.")
    found = cast("Object", _with_text_keys(data))
    if "swagger" in found:
        raise InvalidInput(
            f"{file} is a document of Swagger 2.", hint="Convert it to OpenAPI 3 first."
        )
    if not str(found.get("openapi", "")).startswith("3.") or not isinstance(
        found.get("paths"), dict
    ):
        raise InvalidInput(
            f"{file} is no OpenAPI 3 document.", hint="It needs `openapi: 3.…` and `paths`."
        )
    return Document(found)


def _parsed(text: str, file: Path) -> Any:
    try:
        if text.lstrip().startswith("{"):
            return json.loads(text)
        _refuse_depth(text, file)
        return yaml.load(text, _Loader)  # noqa: S506 -- a safe loader, with fewer types
    except (ValueError, yaml.YAMLError) as error:
        words = " ".join(str(error).split())
        raise InvalidInput(f"{file} is neither JSON nor YAML: {words}.") from None
    except RecursionError:
        raise InvalidInput(f"{file} is nested too deeply.") from None


def _refuse_depth(text: str, file: Path) -> None:
    """The compiled reader of YAML crashes the process on what is nested beyond its stack."""
    depth = 0
    events = cast("Iterator[yaml.Event]", yaml.parse(text, _Loader))  # pyright: ignore[reportUnknownMemberType] -- its stub leaves the stream untyped
    for event in events:
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > _DEEPEST:
                raise InvalidInput(f"{file} is nested too deeply.")
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1


def _with_text_keys(value: Any) -> Any:
    """`value` with keys as texts: YAML reads `200:` as a number.

    What an anchor names several times stays one object, so that a bomb of aliases does not burst.
    """
    seen: dict[int, Any] = {}
    stack: list[Any] = [value]
    while stack:
        each = stack.pop()
        if id(each) in seen:
            continue
        if isinstance(each, dict):
            pairs = cast("dict[Any, Any]", each)
            for key in [key for key in pairs if not isinstance(key, str)]:
                pairs[_key(key)] = pairs.pop(key)
            stack.extend(pairs.values())
            seen[id(pairs)] = pairs
        elif isinstance(each, list):
            items = cast("list[Any]", each)
            stack.extend(items)
            seen[id(items)] = items
    return value


def _key(key: Any) -> str:
    return str(key).lower() if isinstance(key, bool) else str(key)
