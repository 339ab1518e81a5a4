"""`muxi mcp call`, `read`, `prompt` and `repl`: ask a server something and see its answer."""

from __future__ import annotations

import asyncio
import json as json_module
import shlex
import sys
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from muxi.cli import output
from muxi.cli.app import new_app
from muxi.cli.check_exits import CheckExit, reached
from muxi.cli.mcp_options import (
    EnvOption,
    HeaderOption,
    OneTargetArgument,
    PythonOption,
    RevisionName,
    RevisionOption,
    TargetArgument,
    TimeoutOption,
    TransportName,
    TransportOption,
    target_of,
)
from muxi.cli.options import JsonOption

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from muxi.devkit.cases import Answer
    from muxi.devkit.session import Reply, Session
    from muxi.devkit.target import Target

app = new_app(help="Ask a server something.")

ArgumentsArgument = Annotated[
    list[str] | None,
    typer.Argument(metavar="NAME=VALUE", help="Arguments; or one JSON object of them."),
]
AnswerOption = Annotated[
    list[str] | None,
    typer.Option(
        "--answer", metavar="JSON", help="The filled-in form, when the server asks; in order."
    ),
]


@app.command("call")
def call(
    target: OneTargetArgument,
    tool: Annotated[str, typer.Argument(help="The tool.")],
    arguments: ArgumentsArgument = None,
    *,
    answer: AnswerOption = None,
    transport: TransportOption = None,
    revision: RevisionOption = None,
    timeout: TimeoutOption = 30.0,
    env: EnvOption = None,
    header: HeaderOption = None,
    python: PythonOption = None,
    json: JsonOption = False,
) -> int:
    """Call a tool and print what it gives.

    The exit code is 1 if that is an error.
    """
    server = target_of([target], env=env, header=header, python=python)

    async def ask(session: Session) -> Reply:
        return await _call(session, tool, arguments or [], list(map(_answer, answer or ())))

    return _asked(server, transport, revision, timeout, ask, json=json)


@app.command("read")
def read(
    target: OneTargetArgument,
    uri: Annotated[str, typer.Argument(help="The URI of the resource.")],
    *,
    transport: TransportOption = None,
    revision: RevisionOption = None,
    timeout: TimeoutOption = 30.0,
    env: EnvOption = None,
    header: HeaderOption = None,
    python: PythonOption = None,
    json: JsonOption = False,
) -> int:
    """Read a resource and print it."""
    server = target_of([target], env=env, header=header, python=python)

    async def ask(session: Session) -> Reply:
        return await session.request("resources/read", {"uri": uri})

    return _asked(server, transport, revision, timeout, ask, json=json)


@app.command("prompt")
def prompt(
    target: OneTargetArgument,
    name: Annotated[str, typer.Argument(help="The prompt.")],
    arguments: ArgumentsArgument = None,
    *,
    transport: TransportOption = None,
    revision: RevisionOption = None,
    timeout: TimeoutOption = 30.0,
    env: EnvOption = None,
    header: HeaderOption = None,
    python: PythonOption = None,
    json: JsonOption = False,
) -> int:
    """Get a prompt and print its messages."""
    server = target_of([target], env=env, header=header, python=python)

    async def ask(session: Session) -> Reply:
        return await _prompt(session, name, arguments or [])

    return _asked(server, transport, revision, timeout, ask, json=json)


@app.command("repl")
def repl(
    target: TargetArgument = None,
    *,
    transport: TransportOption = None,
    revision: RevisionOption = None,
    timeout: TimeoutOption = 30.0,
    env: EnvOption = None,
    header: HeaderOption = None,
    python: PythonOption = None,
) -> int:
    """Ask a server one thing after the other, in one session.

    Lines read `tools`, `prompts`, `resources`, `templates`, `call NAME a=1`, `read URI`,
    `prompt NAME a=1`; an empty line or the end of input stops.
    """
    server = target_of(target, env=env, header=header, python=python)

    async def talk() -> None:
        from muxi.devkit.connect import connected

        way = None if transport is None else transport.value
        era = None if revision is None else revision.value
        async with connected(server, way, era, patience=timeout) as session:
            output.say(f"{session.info.get('name', server.text)} speaks {session.revision}.")
            while line := (await asyncio.to_thread(_line)).strip():
                await _turn(session, line)

    def work() -> CheckExit:
        asyncio.run(talk())
        return CheckExit.OK

    return reached(work)


async def _turn(session: Session, line: str) -> None:
    """One line of a conversation; what is wrong with it ends nothing."""
    from muxi.core.errors import InvalidInput

    try:
        verb, *rest = _words(line)
        if verb in ("tools", "prompts", "resources", "templates"):
            for item in (await session.list_all(verb)).items:
                name = str(item.get("uriTemplate") or item.get("uri") or item.get("name"))
                output.line(f"{name}  {' '.join(str(item.get('description', '')).split())[:100]}")
        elif verb == "call" and rest:
            _print(await _call(session, rest[0], rest[1:], []), json=False)
        elif verb == "prompt" and rest:
            _print(await _prompt(session, rest[0], rest[1:]), json=False)
        elif verb == "read" and rest:
            _print(await session.request("resources/read", {"uri": rest[0]}), json=False)
        else:
            output.say("tools, prompts, resources, templates, call NAME, read URI, prompt NAME")
    except (ValueError, InvalidInput) as error:
        output.error(str(error))


def _words(line: str) -> list[str]:
    """The words of a line. No shell reads it first, so an object of JSON needs no quotes."""
    words = line.split(maxsplit=2)
    if len(words) == 3 and words[2].startswith("{"):
        return words
    return shlex.split(line)


async def _call(session: Session, tool: str, words: list[str], answers: list[Answer]) -> Reply:
    from muxi.devkit.arguments import read_arguments

    tools = {str(each.get("name")): each for each in (await session.list_all("tools")).items}
    schema: Any = tools.get(tool, {}).get("inputSchema") or {}
    params = {"name": tool, "arguments": read_arguments(words, schema)}
    return await session.request("tools/call", params, answers=answers)


async def _prompt(session: Session, name: str, words: list[str]) -> Reply:
    from muxi.devkit.arguments import read_arguments

    found = read_arguments(words, {})
    # Arguments of a prompt are texts, whatever they look like.
    texts = {
        key: each if isinstance(each, str) else json_module.dumps(each)
        for key, each in found.items()
    }
    return await session.request("prompts/get", {"name": name, "arguments": texts})


def _asked(
    server: Target,
    transport: TransportName | None,
    revision: RevisionName | None,
    timeout: float,
    ask: Callable[[Session], Awaitable[Reply]],
    *,
    json: bool,
) -> int:
    async def talk() -> CheckExit:
        from muxi.devkit.connect import connected

        way = None if transport is None else transport.value
        era = None if revision is None else revision.value
        async with connected(server, way, era, patience=timeout) as session:
            return _print(await ask(session), json=json)

    return reached(lambda: asyncio.run(talk()))


def _print(reply: Reply, *, json: bool) -> CheckExit:
    from muxi.devkit.answers import content_of, is_error, text_of

    if json:
        output.as_json({"error": reply.error} if reply.result is None else reply.result)
    elif reply.result is None:
        output.error(reply.words)
    else:
        if text := text_of(reply):
            output.line(text)
        for piece in content_of(reply.result):
            if (kind := piece.get("type")) not in (None, "text", "resource"):
                output.say(f"[{kind} {piece.get('mimeType', '')}]")
        output.say(f"{reply.seconds * 1000:.0f} ms" + ("; an error" if is_error(reply) else ""))
    return CheckExit.FINDINGS if is_error(reply) else CheckExit.OK


def _answer(text: str) -> Answer:
    from muxi.devkit.cases import Answer

    try:
        content: Any = json_module.loads(text)
    except ValueError as error:
        raise typer.BadParameter(f"--answer {text!r} is no JSON: {error}") from error
    if not isinstance(content, dict):
        return Answer(text=str(content))
    return Answer(content=cast("dict[str, Any]", content), text=text)


def _line() -> str:
    """A line of standard input; empty at its end."""
    if output.is_terminal(sys.stdin):
        output.say("mcp>")
    return sys.stdin.readline()
