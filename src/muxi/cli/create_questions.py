"""Asks a person what a new MCP server shall be. Called by `muxi create mcp-server`.

Nothing is written before the last answer, so whoever goes away in between leaves nothing behind.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import typer

from muxi.cli import output
from muxi.core.errors import InvalidInput
from muxi.devkit.create.answers import DEFAULT_NAME, Given
from muxi.devkit.create.catalogue import LANGUAGES, LICENSES, PYTHONS, TEMPLATES, TRANSPORTS
from muxi.devkit.create.names import checked_description, proposed_name, server_names

_FRAMEWORKS = (
    ("mcp", "mcp: the official SDK alone, small and fast"),
    ("fastmcp", "fastmcp: for its tasks, composition, proxies and OAuth proxies; twice the size"),
)


def asked(given: Given, folder: Path | None) -> Given:
    """`given`, with a person's answers to all that was not said.

    Raises:
        typer.BadParameter: Nobody is there to be asked.
        typer.Abort: The person went away.
    """
    if not (output.is_terminal(sys.stdin) and output.is_terminal(sys.stderr)):
        raise typer.BadParameter(
            "Nobody is here to ask; --yes takes defaults for what is not said."
        )
    from prompt_toolkit.application import create_app_session
    from prompt_toolkit.output import create_output

    try:
        # Standard output is for data.
        with create_app_session(output=create_output(stdout=sys.stderr)):
            return _with_details(_with_kind(_with_name(given, folder)))
    except (EOFError, KeyboardInterrupt):
        raise typer.Abort from None


def _with_name(given: Given, folder: Path | None) -> Given:
    usual = proposed_name(folder.absolute().name) if folder is not None else None
    name = given.name or _text("Name", usual or DEFAULT_NAME, lambda text: server_names(text).name)
    return replace(given, name=name)


def _with_kind(given: Given) -> Given:
    languages = [(each, each.capitalize()) for each in LANGUAGES]
    language = given.language or _choice("Language", languages)
    fitting = [
        (each.name, f"{each.name:<22} {each.summary}")
        for each in TEMPLATES.values()
        if language in each.languages
    ]
    template = given.template or _choice("Template", fitting)
    framework = given.framework
    known = TEMPLATES.get(template)
    if framework is None and language == "python" and known and not known.not_in_fastmcp:
        framework = _choice("Framework", _FRAMEWORKS)
    return replace(given, language=language, template=template, framework=framework)


def _with_details(given: Given) -> Given:
    template = TEMPLATES.get(given.template or "")
    if template is None or given.language not in LANGUAGES:
        return given
    description = given.description or _text(
        "Description", template.description, checked_description
    )
    transport, auth = given.transport, given.auth
    if template.auth == "oauth":
        transport = transport or "http"
    transport = transport or _choice("Transport", _plain(TRANSPORTS), template.transport)
    if auth is None and transport == "http" and template.auth == "none":
        kinds = [("none", "none: this machine only, or behind a gateway"), ("oauth", "OAuth 2.1")]
        auth = "none" if given.language != "python" else _choice("Authentication", kinds)
    python = given.python
    if python is None and given.language == "python":
        python = _choice("Oldest Python", _plain(PYTHONS))
    return replace(
        given,
        description=description,
        transport=transport,
        auth=auth,
        python=python,
        license=given.license or _choice("Licence", _plain(LICENSES)),
    )


def _text(question: str, default: str, check: Callable[[str], str]) -> str:
    from prompt_toolkit.shortcuts import prompt

    while True:
        try:
            return check(prompt(f"{question}: ", default=default))
        except InvalidInput as error:
            output.error(error.message, error.hint)


def _choice(question: str, options: Sequence[tuple[str, str]], default: str | None = None) -> str:
    if len(options) == 1:
        return options[0][0]
    from prompt_toolkit.shortcuts import choice

    return choice(f"{question}:", options=options, default=default)


def _plain(choices: Sequence[str]) -> list[tuple[str, str]]:
    return [(each, each) for each in choices]
