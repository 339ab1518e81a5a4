"""A book about a server as one page of Markdown. The same book gives the same text."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, Final, cast

from muxi.devkit.exchange import Json
from muxi.devkit.pages.book import Book, Example
from muxi.devkit.pages.setup import blocks, variables
from muxi.mcp.poison import visible

_NOTE: Final = "<!-- Written by `muxi mcp docs` from the running server; do not edit. -->"
_HINTS: Final = {
    "readOnlyHint": ("only reads", "changes things"),
    "destructiveHint": ("may destroy", "destroys nothing"),
    "idempotentHint": ("may be repeated", ""),
    "openWorldHint": ("deals with the outside world", "stays within its own data"),
}
_LONGEST: Final = 4_000
"""Characters of an example's result."""


def markdown(book: Book) -> str:
    """The whole page."""
    info = book.survey.info
    lines = [f"# {_line(book.title)}", "", _NOTE, ""]
    about = str(book.manifest.get("description") or info.get("description") or "")
    lines += [_text(about), ""] if about else []
    version = f" {info['version']}" if info.get("version") else ""
    lines += [f"`{_line(str(info.get('name', '')))}`{version}", ""]
    if book.survey.instructions:
        lines += ["> " + _text(book.survey.instructions).replace("\n", "\n> "), ""]
    for part in (_setup, _environment, _access, _tools, _prompts, _resources, _changes):
        lines += part(book)
    return "\n".join(lines).rstrip() + "\n"


def _setup(book: Book) -> Iterator[str]:
    yield from ("## Set up", "")
    for block in blocks(book):
        yield from (f"### {block.client}", "", f"In {block.where}:", "")
        yield from (f"```{block.language}", block.text, "```", "")


def _environment(book: Book) -> Iterator[str]:
    found = variables(book)
    if not found:
        return
    yield from ("## Environment", "", "| variable | required | secret | default | meaning |")
    yield "| --- | --- | --- | --- | --- |"
    for each in found:
        required, secret = _yes(each.required), _yes(each.secret)
        default = f"`{_cell(each.default)}`" if each.default else ""
        yield f"| `{each.name}` | {required} | {secret} | {default} | {_cell(each.description)} |"
    yield ""


def _access(book: Book) -> Iterator[str]:
    yield from ("## Access", "")
    remotes = cast("list[Any]", book.manifest.get("remotes") or [])
    headers = [
        cast("Json", header)
        for remote in remotes
        if isinstance(remote, dict)
        for header in cast("list[Any]", cast("Json", remote).get("headers") or [])
        if isinstance(header, dict)
    ]
    if headers:
        names = ", ".join(f"`{_line(str(each.get('name')))}`" for each in headers)
        yield f"Requests bear {names}."
    elif remotes or book.target.url is not None:
        yield "Its address alone is needed, or a login that the server asks for (OAuth 2.1)."
    else:
        secrets = [f"`{each.name}`" for each in variables(book) if each.secret]
        known = f", and takes {', '.join(secrets)} from its environment" if secrets else ""
        yield f"It runs on the machine of its user{known}."
    yield ""


def _tools(book: Book) -> Iterator[str]:
    tools = book.survey.items("tools")
    if not tools:
        return
    yield from ("## Tools", "")
    for tool in tools:
        name = str(tool.get("name"))
        yield from (f"### `{_line(name)}`", "")
        yield from (f"`{signature(tool)}`", "")
        if tool.get("description"):
            yield from (_text(str(tool["description"])), "")
        if hints := _hints(tool):
            yield from (f"*{hints}.*", "")
        yield from _table("Parameters", _object(tool, "inputSchema"))
        yield from _table("Result", _object(tool, "outputSchema"))
        for example in book.examples.get(name, ()):
            yield from _example(name, example)


def signature(tool: Json) -> str:
    """A tool as a line: `add(a: integer, b?: integer) → {sum: integer}`."""
    schema, result = _object(tool, "inputSchema"), _object(tool, "outputSchema")
    required = cast("list[Any]", schema.get("required") or [])
    parts = [
        f"{name}{'' if name in required else '?'}: {_type(part)}"
        for name, part in _object(schema, "properties").items()
    ]
    given = ", ".join(f"{k}: {_type(v)}" for k, v in _object(result, "properties").items())
    arrow = f" → {{{given}}}" if result else ""
    return _line(f"{tool.get('name')}({', '.join(parts)}){arrow}")


def _table(title: str, schema: Json) -> Iterator[str]:
    properties = _object(schema, "properties")
    if not properties:
        return
    required = cast("list[Any]", schema.get("required") or [])
    yield from (f"| {title.lower()} | type | required | default | meaning |",)
    yield "| --- | --- | --- | --- | --- |"
    for name, part in properties.items():
        known = cast("Json", part) if isinstance(part, dict) else {}
        default = f"`{_cell(json.dumps(known['default']))}`" if "default" in known else ""
        meaning = _cell(str(known.get("description") or ""))
        row = (
            f"`{_cell(name)}`",
            f"`{_cell(_type(part))}`",
            _yes(name in required),
            default,
            meaning,
        )
        yield f"| {' | '.join(row)} |"
    yield ""


def _example(tool: str, example: Example) -> Iterator[str]:
    title = f": {_line(example.title)}" if example.title else ""
    call = {"name": tool, "arguments": example.arguments}
    yield from (f"Example{title}", "", "```json", _json(call), "```", "")
    shown = _json(example.result)
    language = "json"
    if len(shown) > _LONGEST:
        shown, language = f"{shown[:_LONGEST]}\n… {len(shown) - _LONGEST:,} characters more", "text"
    yield from ("gives", "", f"```{language}", shown, "```", "")


def _prompts(book: Book) -> Iterator[str]:
    prompts = book.survey.items("prompts")
    if not prompts:
        return
    yield from ("## Prompts", "")
    for prompt in prompts:
        yield from (f"### `{_line(str(prompt.get('name')))}`", "")
        if prompt.get("description"):
            yield from (_text(str(prompt["description"])), "")
        arguments = cast("list[Any]", prompt.get("arguments") or [])
        if arguments:
            yield from ("| argument | required | meaning |", "| --- | --- | --- |")
            for each in arguments:
                known = cast("Json", each) if isinstance(each, dict) else {}
                name, meaning = (
                    _cell(str(known.get(key) or "")) for key in ("name", "description")
                )
                yield f"| `{name}` | {_yes(known.get('required'))} | {meaning} |"
            yield ""


def _resources(book: Book) -> Iterator[str]:
    kinds = {"uri": book.survey.items("resources"), "uriTemplate": book.survey.items("templates")}
    if not any(kinds.values()):
        return
    yield from ("## Resources", "", "| URI | name | type | meaning |", "| --- | --- | --- | --- |")
    for key, items in kinds.items():
        for item in items:
            cells = (str(item.get(name) or "") for name in ("name", "mimeType", "description"))
            yield f"| `{_cell(str(item.get(key)))}` | {' | '.join(map(_cell, cells))} |"
    yield ""


def _changes(book: Book) -> Iterator[str]:
    if book.changes is None:
        return
    yield from (f"## Changes since {_line(book.since)}", "")
    if not book.changes:
        yield from ("None.", "")
    for change in book.changes:
        kind = change.kind.replace("_", " ")
        yield f"- {change.change}: {kind} `{_line(change.name)}`"
        if change.change == "changed":
            yield from ("", "  ```text")
            yield from (f"  {line}" for line in change.difference.splitlines())
            yield from ("  ```", "")
    yield ""


def _hints(tool: Json) -> str:
    hints = _object(tool, "annotations")
    found = [_HINTS[name][not value] for name, value in hints.items() if name in _HINTS]
    return ", ".join(words for words in found if words)


def _type(part: Any) -> str:
    """The type of a value in a word or two."""
    if not isinstance(part, dict):
        return "any"
    known = cast("Json", part)
    if "enum" in known:
        return " | ".join(json.dumps(each, ensure_ascii=False) for each in known["enum"])
    for key in ("anyOf", "oneOf"):
        if isinstance(known.get(key), list):
            return " | ".join(dict.fromkeys(_type(each) for each in known[key]))
    if "$ref" in known:
        return str(known["$ref"]).rpartition("/")[2]
    kind = known.get("type", "any")
    if kind == "array":
        return f"{_type(known.get('items', {}))}[]"
    return " | ".join(map(str, cast("list[Any]", kind))) if isinstance(kind, list) else str(kind)


def _object(item: Json, key: str) -> Json:
    found = item.get(key)
    return cast("Json", found) if isinstance(found, dict) else {}


def _yes(value: object) -> str:
    return "yes" if value else ""


def _text(text: str) -> str:
    """Words of the server, with what is invisible in them shown and no markup of HTML obeyed."""
    return visible(text.strip()).replace("<", "&lt;")


def _line(text: str) -> str:
    return " ".join(_text(text).split()).replace("`", "'")


def _cell(text: str) -> str:
    return _line(text).replace("|", "\\|")


def _json(value: Any) -> str:
    return visible(json.dumps(value, ensure_ascii=False, indent=2))
