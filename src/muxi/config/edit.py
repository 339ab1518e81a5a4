"""Changes one value of a muxi.yaml, or adds one entry, and leaves every other character as it is.

Called by `muxi models use` and `muxi create`. Only scalars are replaced; only keys at the top of
the file and entries of its sections are added.
"""

from __future__ import annotations

import json
import os
import re
import tempfile
from pathlib import Path
from typing import Any, cast

from muxi.config.mistakes import Mistake, config_error
from muxi.config.source import Node, Source, plain_value, read_source, written
from muxi.config.source import Path as Place
from muxi.core.errors import ConfigError, Conflict

_SIMPLE = re.compile(r"[A-Za-z0-9_./][A-Za-z0-9_./:@+-]*")

_NOT_SIMPLE = ("|", ">", "&", "*")
"""How blocks of text, anchors and aliases begin: others may depend on them."""


def set_value(file: Path, place: Place, value: str | float | bool | None) -> None:
    """Write `value` at `place`, such as `("model",)`, into a YAML file, keeping all else.

    Raises:
        ConfigError: The file is no YAML, or this place cannot be changed by a program.
    """
    raw = file.read_bytes()
    source = read_source(raw, str(file))
    if source.mistakes:
        raise config_error(source.mistakes)
    text = _changed(source, place, _written(value), file)
    after = read_source(text.encode(), str(file))
    if _without(after.data, place) != _without(source.data, place):
        raise _by_hand(file, place)
    mark = b"\xef\xbb\xbf" if raw.startswith(b"\xef\xbb\xbf") else b""
    _replace(file, mark + text.encode())


def add_entry(file: Path, section: str, name: str, text: str) -> None:
    """Add the entry `name` at the end of a section, such as `agents`, keeping all else.

    Args:
        file: A YAML file.
        section: A key at its top; made if there is none.
        name: The entry's key.
        text: Its value in YAML, as it would stand at the left margin.

    Raises:
        Conflict: There is such an entry.
        ConfigError: The file is no YAML, or this section cannot be changed by a program.
    """
    raw = file.read_bytes()
    source = read_source(raw, str(file))
    if source.mistakes:
        raise config_error(source.mistakes)
    place = (section, name)
    if place in source.keys:
        raise Conflict(
            f"{file} has {section}.{name} already.", hint="Edit it, or choose another name."
        )
    changed = _with_entry(source, section, name, text, file)
    after = read_source(changed.encode(), str(file))
    others = {key: value for key, value in after.data.items() if key != section}
    entries = dict(after.data.get(section) or {})
    entries.pop(name, None)
    before = {key: value for key, value in source.data.items() if key != section}
    if after.mistakes or others != before or entries != (source.data.get(section) or {}):
        raise _by_hand(file, place)
    mark = b"\xef\xbb\xbf" if raw.startswith(b"\xef\xbb\xbf") else b""
    _replace(file, mark + changed.encode())


def _with_entry(source: Source, section: str, name: str, text: str, file: Path) -> str:
    whole, ending = source.text, "\r\n" if "\r\n" in source.text else "\n"
    node, key, root = source.values.get((section,)), source.keys.get((section,)), source.root
    if root is not None and whole[root.start : root.start + 1] == "{":
        raise _by_hand(file, (section, name))
    if node is None or key is None:
        start = whole if not whole or whole.endswith("\n") else whole + ending
        return start + ending.join([f"{section}:", *_entry(name, text, 2), ""])
    if node.pairs and whole[node.start] not in ("{", *_NOT_SIMPLE):
        at, indent = _last_offset(node), node.pairs[0][0].column - 1
    elif node.scalar is not None and node.start == node.end:
        at, indent = key.end, 2
    else:
        raise _by_hand(file, (section, name))
    if not whole[:at].endswith("\n"):
        line_end = whole.find("\n", at)
        at = len(whole) if line_end < 0 else line_end + 1
    start = whole[:at] if whole[:at].endswith("\n") else whole[:at] + ending
    return start + ending.join([*_entry(name, text, indent), ""]) + whole[at:]


def _entry(name: str, text: str, indent: int) -> list[str]:
    margin = " " * indent
    first, *rest = text.rstrip("\n").split("\n")
    if not rest and ": " not in first:
        return [f"{margin}{name}: {first}"]
    return [f"{margin}{name}:", *(f"{margin}  {line}".rstrip() for line in (first, *rest))]


def _last_offset(node: Node) -> int:
    """Where the last thing of a block ends; its own end lies behind comments that follow it."""
    if node.pairs:
        key, value = node.pairs[-1]
        return max(key.end, _last_offset(value))
    if node.items:
        return _last_offset(node.items[-1])
    return node.end


def _changed(source: Source, place: Place, written_value: str, file: Path) -> str:
    text = source.text
    node = source.values.get(place)
    if node is not None:
        if node.scalar is None or text[node.start : node.start + 1] in _NOT_SIMPLE:
            raise _by_hand(file, place)
        gap = " " if node.start == node.end and not text[: node.start].endswith(" ") else ""
        return text[: node.start] + gap + written_value + text[node.end :]
    root = source.root
    if len(place) != 1 or (root is not None and text[root.start : root.start + 1] == "{"):
        raise _by_hand(file, place)
    ending = "\r\n" if "\r\n" in text else "\n"
    if text and not text.endswith("\n"):
        text += ending
    return f"{text}{place[0]}: {written_value}{ending}"


def _written(value: str | float | bool | None) -> str:
    """`value` as a YAML scalar on one line; JSON's quoting is YAML's too."""
    simple = isinstance(value, str) and _SIMPLE.fullmatch(value) and not value.endswith(":")
    if isinstance(value, str) and simple and isinstance(plain_value(value), str):
        return value
    return json.dumps(value, ensure_ascii=False)


def _without(data: Any, place: Place) -> Any:
    """`data` with nothing at `place`."""
    if not place:
        return None
    if isinstance(data, dict):
        entries = cast("dict[str | int, Any]", data)
        rest = {key: value for key, value in entries.items() if key != place[0]}
        return {**rest, place[0]: _without(entries.get(place[0]), place[1:])}
    if isinstance(data, list):
        items = cast("list[Any]", data)
        return [_without(v, place[1:]) if at == place[0] else v for at, v in enumerate(items)]
    return data


def _by_hand(file: Path, place: Place) -> ConfigError:
    words = "this value cannot be changed by a program; edit the file by hand"
    return config_error([Mistake(str(file), 1, 1, written(place), words)])


def _replace(file: Path, content: bytes) -> None:
    """Write the file in one step, so that it is never seen half written."""
    target = file.resolve()
    mode = target.stat().st_mode & 0o777
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as out:
            out.write(content)
        temporary.chmod(mode)
        temporary.replace(target)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise
