"""What is known of a server before it is written, asked from a person or given by options."""

from __future__ import annotations

import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from muxi.core.errors import InvalidInput
from muxi.devkit.create.catalogue import (
    AUTHS,
    FRAMEWORKS,
    LANGUAGES,
    LICENSES,
    PYTHONS,
    TEMPLATES,
    TRANSPORTS,
    Auth,
    Framework,
    Language,
    Template,
    Transport,
)
from muxi.devkit.create.names import Names, checked_description, checked_namespace, server_names

DEFAULT_NAME = "my-mcp-server"
DEFAULT_NAMESPACE = "com.example"


@dataclass(frozen=True, slots=True, kw_only=True)
class Given:
    """Answers as somebody gave them; None where nobody did."""

    name: str | None = None
    description: str | None = None
    template: str | None = None
    language: str | None = None
    transport: str | None = None
    auth: str | None = None
    framework: str | None = None
    python: str | None = None
    license: str | None = None
    namespace: str | None = None
    openapi: Path | None = None
    tags: tuple[str, ...] = ()
    operations: tuple[str, ...] = ()
    limit: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """All that decides what is written. The same answers give the same bytes."""

    names: Names
    description: str
    template: Template
    language: Language
    transport: Transport
    auth: Auth
    framework: Framework
    python: str
    license: str
    namespace: str
    openapi: Path | None = None
    tags: tuple[str, ...] = ()
    operations: tuple[str, ...] = ()
    limit: int | None = None

    def command(self, folder: Path) -> str:
        """The command line that gives these answers without asking."""
        words = ["muxi", "create", "mcp-server", str(folder), "--yes", "--name", self.names.name]
        words += ["--template", self.template.name]
        plain = ("description", "language", "framework", "transport", "auth", "python", "license")
        for name in (*plain, "namespace"):
            words += [f"--{name}", str(getattr(self, name))]
        if self.openapi is not None:
            words += ["--openapi", str(self.openapi)]
        for option, values in (("--tag", self.tags), ("--operation", self.operations)):
            for value in values:
                words += [option, value]
        if self.limit is not None:
            words += ["--limit", str(self.limit)]
        return shlex.join(words)


def completed(given: Given) -> Answers:
    """`given` with defaults where nothing was said.

    Raises:
        InvalidInput: An answer is impossible, or two do not go together.
    """
    template = TEMPLATES[_choice("template", given.template or "minimal", tuple(TEMPLATES))]
    language = cast("Language", _choice("language", given.language or "python", LANGUAGES))
    auth = cast("Auth", _choice("auth", given.auth or template.auth, AUTHS))
    usual = "http" if auth == "oauth" else template.transport
    answers = Answers(
        names=server_names(given.name or DEFAULT_NAME),
        description=checked_description(given.description or template.description),
        template=template,
        language=language,
        transport=cast("Transport", _choice("transport", given.transport or usual, TRANSPORTS)),
        auth=auth,
        framework=cast("Framework", _choice("framework", given.framework or "mcp", FRAMEWORKS)),
        python=_choice("python", given.python or PYTHONS[0], PYTHONS),
        license=_choice("license", given.license or LICENSES[0], LICENSES),
        namespace=checked_namespace(given.namespace or DEFAULT_NAMESPACE),
        openapi=given.openapi,
        tags=given.tags,
        operations=given.operations,
        limit=given.limit,
    )
    _refuse_what_does_not_go_together(answers)
    return answers


def _refuse_what_does_not_go_together(answers: Answers) -> None:
    template = answers.template
    if answers.language not in template.languages:
        having = [each.name for each in TEMPLATES.values() if answers.language in each.languages]
        raise InvalidInput(
            f"There is no template {template.name} in {answers.language}.",
            hint=f"In {answers.language} there are: {', '.join(having)}.",
        )
    if answers.auth == "oauth" and answers.transport != "http":
        raise InvalidInput(
            "OAuth needs HTTP: over standard input and output there are no tokens.",
            hint="Choose --transport http, or --auth none.",
        )
    if template.auth == "oauth" and answers.auth != "oauth":
        raise InvalidInput("The template oauth is about OAuth.", hint="Leave --auth away.")
    if answers.auth == "oauth" and answers.language != "python":
        raise InvalidInput("OAuth is written in Python only.", hint="Choose --auth none.")
    if answers.framework == "fastmcp":
        _refuse_without_fastmcp(answers)
    pruned = answers.tags or answers.operations or answers.limit is not None
    if template.name != "openapi" and (answers.openapi is not None or pruned):
        raise InvalidInput(
            "An OpenAPI document is for the template openapi.", hint="Add --template openapi."
        )


def _refuse_without_fastmcp(answers: Answers) -> None:
    if answers.language != "python":
        raise InvalidInput("fastmcp is for Python.", hint="Leave --framework away.")
    if reason := answers.template.not_in_fastmcp:
        raise InvalidInput(
            f"There is no template {answers.template.name} with fastmcp: {reason}.",
            hint="Leave --framework away.",
        )
    if answers.auth == "oauth":
        raise InvalidInput(
            "OAuth is written with the SDK alone.",
            hint="Leave --framework away; or choose --auth none and add a provider of fastmcp.",
        )


def _choice(what: str, given: str, choices: tuple[str, ...]) -> str:
    if given in choices:
        return given
    raise InvalidInput(
        f"There is no {what} {given!r}.", hint=f"Choose one of: {', '.join(choices)}."
    )
