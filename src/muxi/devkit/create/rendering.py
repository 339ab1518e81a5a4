"""Texts from the templates: one environment of Jinja for all of them.

Used by every maker of this room. The signs of Jinja are `<< >>` and `<% %>` here, because Python,
YAML, Markdown and workflow files use braces themselves. What a person or a document said enters a
file through the filter of that file's language, never bare.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path, PurePosixPath
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined

ROOT: Final = Path(__file__).parent / "templates"
SUFFIX: Final = ".jinja"


def render(template: str, values: Mapping[str, Any]) -> str:
    """The text of one template, by its path below `templates/` without the suffix."""
    return _environment().get_template(f"{template}{SUFFIX}").render(values)


def render_layers(layers: tuple[str, ...], values: Mapping[str, Any]) -> dict[PurePosixPath, str]:
    """Every file of some folders of templates; a later layer replaces files of an earlier one."""
    sources: dict[str, str] = {}
    for layer in layers:
        folder = ROOT / layer
        for file in sorted(folder.rglob(f"*{SUFFIX}")):
            inside = file.relative_to(folder).as_posix().removesuffix(SUFFIX)
            sources[inside] = f"{layer}/{inside}"
    return {
        PurePosixPath(_named(inside, values)): render(source, values)
        for inside, source in sorted(sources.items())
    }


def _named(path: str, values: Mapping[str, Any]) -> str:
    return path.replace("__package__", values["package"])


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(ROOT),
        undefined=StrictUndefined,
        autoescape=False,  # noqa: S701 -- each language has a filter of its own
        block_start_string="<%",
        block_end_string="%>",
        variable_start_string="<<",
        variable_end_string=">>",
        comment_start_string="<#",
        comment_end_string="#>",
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters.update(
        docstring=docstring,
        json=lambda value: json.dumps(value, ensure_ascii=False),
        md=markdown,
        py=python_string,
        toml=lambda value: json.dumps(value, ensure_ascii=False),
    )
    return environment


def python_string(text: str) -> str:
    """A literal of Python, with the quotes that a formatter would choose."""
    body = text.replace("\\", "\\\\").replace("\n", "\\n").replace("\t", "\\t")
    if text.count('"') > text.count("'"):
        return "'" + body.replace("'", "\\'") + "'"
    return '"' + body.replace('"', '\\"') + '"'


def docstring(text: str) -> str:
    """The inside of a docstring on one line."""
    return text.replace("\\", "\\\\").replace('"', "'")


def markdown(text: str) -> str:
    """Text in which nothing is a sign of Markdown or HTML."""
    escaped = re.sub(r"([\\`*_{}\[\]<>#|~&])", r"\\\1", text)
    return re.sub(r"^(\s*)([-+=]|\d+(?=[.)]))", r"\1\\\2", escaped)
