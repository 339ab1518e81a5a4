"""What pydantic found wrong, in words for people and with places in the file. Used by `load`."""

from __future__ import annotations

import difflib
import re
from collections.abc import Callable, Sequence
from typing import Any

from pydantic_core import ErrorDetails

from muxi.config.schema import keys_at
from muxi.config.source import Path, Source, plain_value

_MAX_SHOWN = 60
_PREFIX = re.compile(r"^(?:Value error, )?(?:Input should be (?:a |an )?(?:valid )?)?")
_KINDS = {
    "string": "text",
    "boolean": "true or false",
    "dictionary": "a mapping",
    "dictionary or an object": "a mapping",
    "dictionary or instance": "a mapping",
    "object": "a mapping",
    "list": "a list",
    "array": "a list",
    "integer": "an integer",
    "number": "a number",
    "decimal": "a number",
}
_NAME = "a name of letters, digits, `_` and `-` that begins with a letter"
_PATTERNS = {
    "^https?": "an address that begins with http:// or https://",
    "^[A-Za-z]": _NAME,
    "^[^:": "`module:function` or `folder/file.py:function`",
}
"""What the patterns of the data classes mean, by how they begin."""


class Findings:
    """Turns pydantic's findings into mistakes of a source."""

    def __init__(
        self, source: Source, data: dict[str, Any], is_secret: Callable[[Path], bool]
    ) -> None:
        """`data` is what was validated; `is_secret` tells which values must not be shown."""
        self._source = source
        self._data = data
        self._is_secret = is_secret

    def note(self, findings: Sequence[ErrorDetails]) -> None:
        """One mistake for each place; the branches of a union become one sentence."""
        expected: dict[Path, list[str]] = {}
        for finding in findings:
            path = place_of(finding, self._data)
            if finding["type"] == "extra_forbidden":
                self._source.mistake(path, _unknown(finding, path), at_key=True)
            elif finding["type"] == "missing":
                self._source.mistake(path[:-1], f"the key `{path[-1]}` is missing")
            elif finding["loc"][-1:] == ("[key]",):
                self._source.mistake(path, f"expected {_NAME}", at_key=True)
            elif finding["type"] == "incomplete":
                self._source.mistake(path, finding["msg"])
            elif path[2:] != ("name",) or path in self._source.keys:
                # The name of an agent is its key, of which a mistake is noted already.
                expected.setdefault(path, []).append(_expected(finding))
        for path, words in expected.items():
            either = " or ".join(dict.fromkeys(words))
            self._source.mistake(path, f"found {self._found(path)}, expected {either}")

    def _found(self, path: Path) -> str:
        """What stands in the file, as it is written there: values of variables never appear."""
        node = self._source.values.get(path)
        if node is None:
            # A short form: the text stands for the mapping that holds this place.
            node = self._source.values.get(path[:-1])
            if node is None or node.scalar is None:
                return "nothing"
        if node.pairs is not None:
            return "a mapping"
        if node.items is not None:
            return "a list"
        if self._is_secret(path):
            return "a value"
        text = node.scalar or ""
        shown = text if len(text) <= _MAX_SHOWN else f"{text[:_MAX_SHOWN]}…"
        if not node.plain or isinstance(plain_value(text), str):
            return f'the text "{shown}"'
        return "nothing" if plain_value(text) is None else f"`{shown}`"


def place_of(finding: ErrorDetails, data: Any) -> Path:
    """The place of a finding in the file, without pydantic's names of union branches."""
    path: list[str | int] = []
    value = data
    for step in finding["loc"]:
        try:
            value = value[step]
        except (KeyError, IndexError, TypeError):
            continue
        path.append(step)
    if finding["type"] == "missing":
        path.append(finding["loc"][-1])
    return tuple(path)


def _unknown(finding: ErrorDetails, path: Path) -> str:
    known = keys_at(finding["loc"][:-1])
    near = difflib.get_close_matches(str(path[-1]), known, n=1)
    guess = f"did you mean `{near[0]}`? Known: " if near else "known: "
    return f"unknown key; {guess}{', '.join(f'`{key}`' for key in known)}"


def _expected(finding: ErrorDetails) -> str:
    words = finding["msg"]
    if finding["type"] == "string_pattern_mismatch":
        pattern = str((finding.get("ctx") or {}).get("pattern", ""))
        for beginning, meaning in _PATTERNS.items():
            if pattern.startswith(beginning):
                return meaning
    words = _PREFIX.sub("", words)
    if words.startswith(("less than", "greater than")):
        return f"a value {words}"
    return _KINDS.get(words.split(",")[0], words[:1].lower() + words[1:])
