"""Changes one value of a muxi.yaml and leaves every other character as it is.

Called by `muxi models use`. Only scalars are replaced, and only keys at the top of the file are
added.
"""

from __future__ import annotations

import json
import os
import re
import tempfile
from pathlib import Path
from typing import Any, cast

from muxi.config.mistakes import Mistake, config_error
from muxi.config.source import Path as Place
from muxi.config.source import Source, plain_value, read_source, written
from muxi.core.errors import ConfigError

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
