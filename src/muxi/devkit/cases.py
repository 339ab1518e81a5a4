"""The cases of a tests.yaml: what is asked of a server, and what its answer must be.

Read by `muxi mcp test` and by the pytest plugin; `devkit.case_run` runs them.
docs/reference/mcp-tests.md is made from these classes.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final, Literal, Self, cast

from pydantic import BaseModel, ConfigDict, Field, JsonValue, ValidationError, model_validator

from muxi.core.errors import InvalidInput
from muxi.devkit.target import Transport

Revision = Literal["2025-06-18", "2025-11-25", "2026-07-28"]
"""A revision of the protocol that a case can be run in."""
DEFAULT_REVISIONS: tuple[Revision, ...] = ("2025-11-25", "2026-07-28")
"""One of each era: with a handshake and a session, and without."""
VERBS: Final = ("call", "read", "prompt", "list", "complete")


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True)


class Answer(_Strict):
    """What is replied when the server asks the person or the model in the middle of a call."""

    action: Literal["accept", "decline", "cancel"] = "accept"
    """What the person does with the question."""
    content: dict[str, JsonValue] = Field(default_factory=dict[str, JsonValue])
    """The filled-in form, for an elicitation."""
    text: str = ""
    """The model's words, for a sampling request."""


class Completion(_Strict):
    """A value that the server should propose the rest of."""

    prompt: str | None = None
    """A prompt."""
    template: str | None = None
    """The URI template of a resource."""
    argument: str
    """The argument that is being filled in."""
    value: str = ""
    """What is typed already."""

    @model_validator(mode="after")
    def _of_one(self) -> Self:
        if (self.prompt is None) == (self.template is None):
            raise ValueError("name either `prompt` or `template`")
        return self


class Expect(_Strict):
    """What an answer must be. What is not written is not looked at, an error excepted."""

    error: bool | str = False
    """Whether it must be an error, or what the error's words must contain."""
    code: int | None = None
    """The JSON-RPC code of a protocol error."""
    contains: tuple[str, ...] = ()
    """Words that its text must contain."""
    lacks: tuple[str, ...] = ()
    """Words that its text must not contain."""
    matches: str | None = None
    """A regular expression that must be found in its text."""
    result: JsonValue = None
    """What its structured result must contain: of objects the keys that are written."""
    equals: JsonValue = None
    """What its structured result must be."""
    result_schema: dict[str, JsonValue] | bool | None = Field(default=None, alias="schema")
    """A JSON Schema that its structured result must fit."""
    content: tuple[str, ...] | None = None
    """The types of its pieces of content, in order."""
    names: tuple[str, ...] = ()
    """Names, or URIs, that a list must hold."""
    progress: int = Field(default=0, ge=0)
    """How many notices of progress there must be at least."""
    within_ms: float | None = Field(default=None, gt=0)
    """How long it may take; the slowest of its repetitions counts."""


class Case(_Strict):
    """One question to the server."""

    name: str = ""
    """For the report; by default what is asked."""
    call: str | None = None
    """A tool."""
    read: str | None = None
    """The URI of a resource."""
    prompt: str | None = None
    """A prompt."""
    list: Literal["tools", "prompts", "resources", "templates"] | None = None
    """All that the server has of a kind, over as many pages as it takes."""
    complete: Completion | None = None
    """A proposal for an argument."""
    arguments: dict[str, JsonValue] = Field(default_factory=dict[str, JsonValue])
    """Of the tool or the prompt."""
    answers: tuple[Answer, ...] = ()
    """Replies to what the server asks meanwhile, in order; without any it is declined."""
    expect: Expect = Expect()
    """What the answer must be; by default, no error."""
    save: dict[str, str] = Field(default_factory=dict[str, str])
    """Names for parts of the structured result, which later cases write as `${name}`."""
    repeat: int = Field(default=1, ge=1, le=10_000)
    """How often it is asked; every answer must be as expected, and latency is told of all."""
    timeout: float | None = Field(default=None, gt=0)
    """Seconds; that of the file by default."""
    transports: tuple[Transport, ...] | None = None
    """Where it is run; all of the file's by default."""
    revisions: tuple[Revision, ...] | None = None
    """In which revisions; all of the file's by default."""
    snapshot: bool = True
    """Whether `--snapshot` keeps its answer."""
    ignore: tuple[str, ...] = ()
    """Parts of the result that a snapshot leaves out, such as `items.*.created_at`."""

    @model_validator(mode="after")
    def _asks_one_thing(self) -> Self:
        if sum(getattr(self, verb) is not None for verb in VERBS) != 1:
            raise ValueError("a case has one of `call`, `read`, `prompt`, `list`, `complete`")
        return self

    @property
    def verb(self) -> str:
        """What it does: `call`, `read`, `prompt`, `list` or `complete`."""
        return next(verb for verb in VERBS if getattr(self, verb) is not None)

    @property
    def subject(self) -> str:
        """What it does that with."""
        if self.complete is not None:
            return f"{self.complete.prompt or self.complete.template} {self.complete.argument}"
        return str(getattr(self, self.verb))

    @property
    def title(self) -> str:
        """Its name, or what it asks."""
        arguments = f" {json.dumps(self.arguments)}" if self.arguments else ""
        return self.name or f"{self.verb} {self.subject}{arguments}"


class Labelled(_Strict):
    """A request of a person, and what a model should make of it."""

    ask: str
    """The request, in a person's words."""
    call: str | None = None
    """The tool that should be called; none, if it is left out."""
    arguments: dict[str, JsonValue] = Field(default_factory=dict[str, JsonValue])
    """What the call must be made with; further arguments do no harm."""


class Suite(_Strict):
    """A tests.yaml."""

    server: str | None = None
    """The target, as a command would name it; relative to the file."""
    transports: tuple[Transport, ...] | None = None
    """All that the target allows, by default."""
    revisions: tuple[Revision, ...] | None = None
    """`2025-11-25` and `2026-07-28` by default: one of each era."""
    env: dict[str, str] = Field(default_factory=dict[str, str])
    """Added to the environment of the server."""
    timeout: float = Field(default=30.0, gt=0)
    """Seconds that one question may take."""
    start_timeout: float = Field(default=30.0, gt=0)
    """Seconds that the server may take to start."""
    isolate: bool = False
    """Whether each case gets a server of its own, instead of one for each way to reach it."""
    cases: tuple[Case, ...] = ()
    """Run in order."""
    prompts: tuple[Labelled, ...] = ()
    """What `--model` asks a model, to see whether it can use the tools."""

    @model_validator(mode="after")
    def _named_once(self) -> Self:
        titles = [case.title for case in self.cases]
        twice = sorted({title for title in titles if titles.count(title) > 1})
        if twice:
            raise ValueError(f"two cases are called {twice[0]!r}")
        return self


def load_suite(file: Path) -> Suite:
    """The cases of `file`.

    Raises:
        ConfigError: It is no YAML, or has mistakes; each is told with its line.
        InvalidInput: It cannot be read.
    """
    from muxi.config.findings import Findings
    from muxi.config.mistakes import config_error
    from muxi.config.source import read_source

    try:
        source = read_source(file.read_bytes(), str(file))
    except OSError as error:
        reason = (error.strerror or "unreadable").lower()
        raise InvalidInput(f"The cases cannot be read: {file}: {reason}.") from error
    data: dict[str, Any] = source.data or {}
    try:
        return Suite.model_validate_json(json.dumps(_listed(data)), strict=True)
    except ValidationError as error:
        Findings(source, data, _no_secret).note(error.errors(include_url=False))
    raise config_error(source.mistakes)


def _listed(data: dict[str, Any]) -> dict[str, Any]:
    """`data` with single words of an expectation as lists of one."""
    cases = data.get("cases")
    if not isinstance(cases, list):
        return data
    return {**data, "cases": [_listed_case(case) for case in cast("list[Any]", cases)]}


def _listed_case(case: Any) -> Any:
    if not isinstance(case, dict):
        return case
    fields = cast("dict[str, Any]", case)
    expect = fields.get("expect")
    if not isinstance(expect, dict):
        return fields
    wanted = cast("dict[str, Any]", expect)
    single = {
        key: [wanted[key]]
        for key in ("contains", "lacks", "names", "content")
        if isinstance(wanted.get(key), str)
    }
    return {**fields, "expect": {**wanted, **single}}


def _no_secret(place: Sequence[str | int]) -> bool:
    return False
