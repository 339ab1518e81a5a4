"""Examples for the description of the API: a value for every body, answer and parameter.

Made from the schemas and a vocabulary of what things here are called. A test holds each to its
schema, and to the model that reads it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final, cast

Schema = Mapping[str, Any]

_DEEPEST = 5
"""Levels of a value that are shown."""

_NUMBER = "019ab64e0c5d7f3a9b1c2d4e6f80a1b2"

_WORDS: Final[Mapping[str, Any]] = {
    "agent": "helper",
    "agents": ["helper"],
    "author": "ann",
    "blob": f"sha256:{'3f' * 32}",
    "call_id": "call_7Zk2",
    "code": "not_found",
    "cursor": "MDE5YWI2NGU",
    "data": "aGVsbG8=",
    "description": "Answers questions about orders.",
    "detail": f"There is no thread thr_{_NUMBER}.",
    "email": "ann@example.org",
    "file_id": f"file_{_NUMBER}",
    "hash": f"sha256:{'3f' * 32}",
    "hint": "Look at the list of threads.",
    "input": "When does order 17 arrive?",
    "leaf_id": f"msg_{_NUMBER}",
    "limit": 50,
    "media_type": "image/png",
    "message": "It arrives on Friday.",
    "message_id": f"msg_{_NUMBER}",
    "model": "openai/gpt-5-mini",
    "name": "helper",
    "next": None,
    "owner": "user:ann",
    "parent_id": f"msg_{_NUMBER}",
    "path": "orders.17",
    "permissions": ["runs.start"],
    "predicate": "lives_in",
    "q": "order 17",
    "query": "order 17",
    "recording": f"file_{_NUMBER}",
    "request_id": f"req_{_NUMBER}",
    "run_id": f"run_{_NUMBER}",
    "text": "It arrives on Friday.",
    "thread_id": f"thr_{_NUMBER}",
    "title": "Order 17",
    "tools": ["calculator"],
    "type": "about:blank",
    "uri": "https://example.org/handbook.pdf",
    "url": "https://example.org/handbook.pdf",
    "user": "ann",
    "value": "Lisbon",
    "version": "1.0.0",
}
"""What members of these names hold, where their schemas admit it."""

_PREFIXES: Final[Mapping[str, str]] = {
    "Approval": "apr",
    "Document": "doc",
    "Fact": "fact",
    "Memory": "mem",
    "Message": "msg",
    "Run": "run",
    "RunRequest": "run",
    "Thread": "thr",
    "UploadedFile": "file",
}
"""What ids of these begin with."""

_TOLD: Final[Mapping[str, Mapping[str, Any]]] = {
    "NewBudget": {"per": "user", "every": "day", "tokens": 1_000_000},
    "ChatRequest": {
        "id": f"thr_{_NUMBER}",
        "messages": [{"id": "m1", "role": "user", "parts": [{"type": "text", "text": "Hello"}]}],
    },
}
"""Bodies whose members depend on each other."""

_OTHERS: Final = ("helper", "acme", "user", "Europe/Lisbon", "http://127.0.0.1:8765/callback")
"""Texts that are tried where a pattern does not admit the word."""

_FORMATS: Final[Mapping[str, Any]] = {
    "date-time": "2026-05-04T12:30:00Z",
    "date": "2026-05-04",
    "duration": "PT1M",
    "uuid": "019ab64e-0c5d-7f3a-9b1c-2d4e6f80a1b2",
    "uri": "https://example.org/",
    "email": "ann@example.org",
    "binary": "aGVsbG8=",
    "password": "correct horse battery staple",
}


class Examples:
    """Makes examples for schemas whose references are of these definitions."""

    def __init__(self, definitions: Mapping[str, Schema]) -> None:
        self._definitions = definitions

    def of(self, schema: Schema, name: str = "", depth: int = 0) -> Any:
        """A value of `schema`; `name` is what the member that holds it is called."""
        schema = self._target(schema)
        for key in ("example", "const", "default"):
            if schema.get(key) is not None:
                return schema[key]
        for key in ("examples", "enum"):
            if schema.get(key):
                return schema[key][0]
        for key in ("anyOf", "oneOf", "allOf"):
            if schema.get(key):
                return self._one(schema[key], name, depth)
        return self._plain(schema, name, depth)

    def _plain(self, schema: Schema, name: str, depth: int) -> Any:
        kind = cast("str | list[str] | None", schema.get("type"))
        kind = kind[0] if isinstance(kind, list) else kind
        if kind == "object" or "properties" in schema:
            return self._object(schema, depth)
        if kind == "array":
            return self._array(schema, name, depth)
        if kind == "string":
            return self._text(schema, name)
        if kind in ("integer", "number"):
            return self._number(schema, name)
        if kind == "boolean":
            return True
        return None if kind == "null" else _WORDS.get(name, {})

    def _one(self, choices: list[Schema], name: str, depth: int) -> Any:
        known = [each for each in choices if self._target(each).get("type") != "null"]
        word = _WORDS.get(name)
        fitting = [each for each in known if _fits(word, self._target(each))]
        return self.of((fitting or known or choices)[0], name, depth)

    def _object(self, schema: Schema, depth: int) -> dict[str, Any]:
        required = schema.get("required", ())
        members = cast("Mapping[str, Schema]", schema.get("properties", {}))
        told = _TOLD.get(schema.get("title", ""), {})
        if told and told.keys() <= members.keys():
            return dict(told)
        prefix = _PREFIXES.get(schema.get("title", ""))
        shown = {
            name: (
                f"{prefix}_{_NUMBER}"
                if name == "id" and prefix
                else self.of(member, name, depth + 1)
            )
            for name, member in members.items()
            if name in required or (depth < _DEEPEST and self._is_telling(name, member))
        }
        more = schema.get("additionalProperties")
        if not members and isinstance(more, dict) and depth < _DEEPEST:
            return {"key": self.of(cast("Schema", more), "", depth + 1)}
        return shown

    def _is_telling(self, name: str, member: Schema) -> bool:
        """Whether a member that may be left out is worth showing."""
        told = name in _WORDS and "default" not in member
        return told or "const" in self._target(member)

    def _array(self, schema: Schema, name: str, depth: int) -> list[Any]:
        item = self._target(cast("Schema", schema.get("items", {})))
        if _fits(_WORDS.get(name), schema) and item.get("type") == "string":
            return list(_WORDS[name])
        if depth >= _DEEPEST and not schema.get("minItems"):
            return []
        return [self.of(item, name.removesuffix("s"), depth + 1)]

    def _text(self, schema: Schema, name: str) -> str:
        if schema.get("format") in _FORMATS:
            return str(_FORMATS[schema["format"]])
        word = str(_WORDS.get(name, "text"))
        pattern = schema.get("pattern", "")
        word = next((each for each in (word, *_OTHERS) if re.search(pattern, each)), word)
        return word[: schema.get("maxLength", len(word))]

    def _number(self, schema: Schema, name: str) -> int | float:
        word = _WORDS.get(name, 1)
        lowest = schema.get("minimum", schema.get("exclusiveMinimum", 0))
        number = word if isinstance(word, int) else 1
        return min(max(number, lowest), schema.get("maximum", max(number, lowest)))

    def _target(self, schema: Schema) -> Schema:
        while "$ref" in schema:
            schema = self._definitions[str(schema["$ref"]).rpartition("/")[2]]
        return schema


def _fits(word: Any, schema: Schema) -> bool:
    kind = schema.get("type")
    if isinstance(word, str):
        return kind == "string"
    return kind == ("array" if isinstance(word, list) else "integer") and word is not None
