"""A YAML file as plain data, with the place of every key and value. Used by `load` and `edit`.

It is read by YAML 1.2's rules, in which `no` is a word and `010` is no octal number. Size, depth
and the expansion of aliases are bounded; tags, second documents and keys that are given twice are
mistakes.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any, Final, NoReturn

import yaml

from muxi.config.mistakes import Mistake, config_error
from muxi.core.json_shapes import is_object

Path = tuple[str | int, ...]
"""Keys and indexes from the top of the file."""

MAX_BYTES = 1_000_000
"""Largest file that is read."""
_MAX_DEPTH = 40
_MAX_NODES = 50_000

_LOADER: Final = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_INTEGER = re.compile(r"[-+]?(?:0|[1-9][0-9]*)")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|(?:0|[1-9][0-9]*)(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_WORDS: dict[str, Any] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}
_MAX_DIGITS = 40


@dataclass(slots=True)
class Node:
    """A value as it stands in the file."""

    line: int
    column: int
    start: int
    """Offset of its first character."""
    end: int
    scalar: str | None = None
    plain: bool = False
    """Whether a scalar is written without quotes."""
    items: list[Node] | None = None
    pairs: list[tuple[Node, Node]] | None = None


@dataclass(slots=True)
class Source:
    """A file that was read."""

    file: str
    text: str
    root: Node | None
    data: Any = None
    keys: dict[Path, Node] = field(default_factory=dict[Path, Node])
    """Where each key stands."""
    values: dict[Path, Node] = field(default_factory=dict[Path, Node])
    """Where each value stands."""
    mistakes: list[Mistake] = field(default_factory=list[Mistake])

    def mistake(self, path: Path, words: str, *, at_key: bool = False) -> None:
        """Note a mistake at `path`, or at the nearest place above it that the file has."""
        table = self.keys if at_key else self.values
        near = path
        node = table.get(near)
        while node is None and near:
            near = near[:-1]
            node = self.values.get(near) or self.keys.get(near)
        line, column = (node.line, node.column) if node else (1, 1)
        self.mistakes.append(Mistake(self.file, line, column, written(path), words))


def written(path: Path) -> str:
    """A path as people write it: `agents.assistant.tools[1]`."""
    text = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)
    return text.removeprefix(".")


def read_source(raw: bytes, file: str) -> Source:
    """The contents of a YAML file.

    Raises:
        ConfigError: It is no YAML, too large, or not one mapping.
    """
    if len(raw) > MAX_BYTES:
        raise config_error(
            [Mistake(file, 1, 1, "", f"the file is larger than {MAX_BYTES:,} bytes")]
        )
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        raise config_error([Mistake(file, line, 1, "", "the file is not UTF-8 text")]) from None
    try:
        root = _Composer(text, file).compose()
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        words = ", ".join(part for part in (error.context, error.problem) if part)
        raise config_error([Mistake(file, *place, "", f"this is no YAML: {words}")]) from None
    except yaml.YAMLError as error:
        position = getattr(error, "position", 0)
        line = text.count("\n", 0, position) + 1
        words = "the file has a character that YAML does not allow"
        raise config_error([Mistake(file, line, 1, "", words)]) from None
    source = Source(file=file, text=text, root=root)
    source.data = _Builder(source).build(root)
    return source


class _Composer:
    """Nodes from the events of the YAML parser."""

    def __init__(self, text: str, file: str) -> None:
        self._text = text
        self._file = file
        self._anchors: dict[str, Node] = {}
        self._loader: Any = None
        self._depth = 0

    def compose(self) -> Node | None:
        """The one document of the file; None if it is empty."""
        self._loader = _LOADER(self._text)
        try:
            self._loader.get_event()
            if isinstance(self._loader.peek_event(), yaml.StreamEndEvent):
                return None
            self._loader.get_event()
            root = self._node(self._loader.get_event())
            self._loader.get_event()
            after = self._loader.peek_event()
            if not isinstance(after, yaml.StreamEndEvent):
                self._refuse(after, "a second document begins here; a project file is one document")
            return root
        finally:
            self._loader.dispose()

    def _node(self, event: Any) -> Node:
        if isinstance(event, yaml.AliasEvent):
            known = self._anchors.get(str(event.anchor))
            if known is None:
                self._refuse(event, f"there is no anchor `&{event.anchor}` above")
            return known
        if event.tag is not None and event.tag != "!":
            tag = str(event.tag).replace("tag:yaml.org,2002:", "!!")
            self._refuse(event, f"the tag `{tag}` is not allowed")
        self._depth += 1
        if self._depth > _MAX_DEPTH:
            self._refuse(event, f"values are nested more than {_MAX_DEPTH} deep")
        mark = event.start_mark
        node = Node(mark.line + 1, mark.column + 1, mark.index, event.end_mark.index)
        if isinstance(event, yaml.ScalarEvent):
            node.scalar = str(event.value)
            node.plain = bool(event.implicit[0])
        elif isinstance(event, yaml.SequenceStartEvent):
            self._sequence(node)
        else:
            self._mapping(node)
        if event.anchor is not None:
            # Only now, so that nothing can contain itself.
            self._anchors[str(event.anchor)] = node
        self._depth -= 1
        return node

    def _sequence(self, node: Node) -> None:
        node.items = []
        while not isinstance(event := self._loader.get_event(), yaml.SequenceEndEvent):
            node.items.append(self._node(event))
        node.end = event.end_mark.index

    def _mapping(self, node: Node) -> None:
        node.pairs = []
        while not isinstance(event := self._loader.get_event(), yaml.MappingEndEvent):
            key = self._node(event)
            node.pairs.append((key, self._node(self._loader.get_event())))
        node.end = event.end_mark.index

    def _refuse(self, event: Any, words: str) -> NoReturn:
        mark = event.start_mark
        raise config_error([Mistake(self._file, mark.line + 1, mark.column + 1, "", words)])


class _Builder:
    """Plain data from nodes, with the places of everything."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._nodes = 0

    def build(self, root: Node | None) -> Any:
        if root is None:
            return {}
        data = self._value(root, ())
        if data is None:
            return {}
        if not is_object(data):
            self._source.mistake((), "the file should be a mapping of keys such as `agents:`")
            raise config_error(self._source.mistakes)
        return data

    def _value(self, node: Node, path: Path) -> Any:
        self._nodes += 1
        if self._nodes > _MAX_NODES:
            words = f"the file has more than {_MAX_NODES:,} values when its aliases are written out"
            raise config_error([Mistake(self._source.file, node.line, node.column, "", words)])
        self._source.values[path] = node
        if node.pairs is not None:
            return self._mapping(node, path)
        if node.items is not None:
            return [self._value(item, (*path, at)) for at, item in enumerate(node.items)]
        return scalar_value(node)

    def _mapping(self, node: Node, path: Path) -> dict[str, Any]:
        data: dict[str, Any] = {}
        merged: dict[str, Any] = {}
        for key, value in node.pairs or ():
            if key.scalar is None:
                self._source.keys[(*path, "?")] = key
                self._source.mistake((*path, "?"), "a key should be plain text", at_key=True)
                continue
            if key.scalar == "<<" and key.plain:
                merged |= self._merged(value, path)
                continue
            place = (*path, key.scalar)
            if key.scalar in data:
                first = self._source.keys[place].line
                self._source.keys[place] = key
                words = f"this key is given twice, first on line {first}"
                self._source.mistake(place, words, at_key=True)
            self._source.keys[place] = key
            before = data.get(key.scalar)
            data[key.scalar] = now = self._value(value, place)
            if isinstance(before, dict) and isinstance(now, dict):
                # So that the mistakes in both are found.
                data[key.scalar] = {**before, **now}
        return merged | data

    def _merged(self, node: Node, path: Path) -> dict[str, Any]:
        """What `<<:` brings in: a mapping, or several of which the first wins."""
        result: dict[str, Any] = {}
        for each in reversed(node.items if node.items is not None else [node]):
            if each.pairs is None:
                self._source.keys[(*path, "<<")] = each
                self._source.mistake((*path, "<<"), "only mappings can be merged", at_key=True)
                continue
            known_keys, known_values = dict(self._source.keys), dict(self._source.values)
            result |= self._mapping(each, path)
            self._source.keys |= known_keys
            self._source.values |= known_values
        return result


def scalar_value(node: Node) -> Any:
    """The value of a scalar by the core schema of YAML 1.2 (https://yaml.org/spec/1.2.2/#103-core-schema)."""
    text = node.scalar or ""
    return plain_value(text) if node.plain else text


def plain_value(text: str) -> Any:
    """What `text` means when it is written without quotes."""
    if text in _WORDS:
        return _WORDS[text]
    if len(text) <= _MAX_DIGITS:
        if _INTEGER.fullmatch(text):
            return int(text)
        if _FLOAT.fullmatch(text):
            return float(text)
    return text
