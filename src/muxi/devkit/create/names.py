"""The name of a new server, and the other names that follow from it."""

from __future__ import annotations

import keyword
import re
import sys
import unicodedata
from dataclasses import dataclass

from muxi.core.errors import InvalidInput

LONGEST_NAME = 40
LONGEST_DESCRIPTION = 100
"""Characters that the registry of MCP allows."""

_NAME = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
_PART = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")
_NAMESPACE = re.compile(r"[a-z0-9][a-z0-9-]*(\.[a-z0-9][a-z0-9-]*)+")
_TAKEN = frozenset(
    {
        *(
            "anyio",
            "fastmcp",
            "hatchling",
            "httpx2",
            "jsonschema",
            "jwt",
            "mcp",
            "mcp_types",
            "mypy",
        ),
        *(
            "muxi",
            "pip",
            "pydantic",
            "pytest",
            "ruff",
            "setuptools",
            "starlette",
            "tests",
            "uvicorn",
        ),
    }
)
"""Packages that a generated server imports or is tested with: its own must not hide them."""


@dataclass(frozen=True, slots=True)
class Names:
    """How one server is called where."""

    name: str
    """On the command line, in the package registry and to its clients: `lower-case-words`."""

    @property
    def package(self) -> str:
        """What Python imports."""
        return self.name.replace("-", "_")

    @property
    def environment(self) -> str:
        """What its environment variables begin with."""
        return self.package.upper()

    @property
    def title(self) -> str:
        """What people read."""
        return self.name.replace("-", " ").capitalize()


def server_names(given: str) -> Names:
    """The names of a server that shall be called `given`.

    Raises:
        InvalidInput: It cannot be called so; the hint proposes what could be.
    """
    if len(given) > LONGEST_NAME or not _NAME.fullmatch(given):
        raise InvalidInput(
            f"{_shown(given)} is no name for a server.",
            hint=f"{_proposal(given, '-')}Use lower-case letters, digits and single hyphens, "
            f"beginning with a letter; {LONGEST_NAME} characters at most.",
        )
    names = Names(given)
    _refuse_taken(given, names.package)
    return names


def part_name(given: str) -> str:
    """The name of a tool, resource, prompt or agent: an identifier of Python in `snake_case`.

    Raises:
        InvalidInput: It is none; the hint proposes one.
    """
    name = given.replace("-", "_")
    if len(name) > LONGEST_NAME or not _PART.fullmatch(name):
        raise InvalidInput(
            f"{_shown(given)} cannot be the name of a part.",
            hint=f"{_proposal(given, '_')}Use lower-case letters, digits and single underscores, "
            f"beginning with a letter; {LONGEST_NAME} characters at most.",
        )
    if keyword.iskeyword(name) or keyword.issoftkeyword(name):
        raise InvalidInput(
            f"`{name}` is a word of Python itself.", hint=f"Call it `{name}_it`, for instance."
        )
    return name


def checked_namespace(given: str) -> str:
    """The reverse domain name that a server is published under.

    Raises:
        InvalidInput: It is none.
    """
    if len(given) > 150 or not _NAMESPACE.fullmatch(given):
        raise InvalidInput(
            f"{_shown(given)} is no namespace.",
            hint="Write a domain of yours in reverse, such as com.example or io.github.yourname.",
        )
    return given


def checked_description(given: str) -> str:
    """One line of text for people and models.

    Raises:
        InvalidInput: It is empty, too long, or has characters that cannot be seen.
    """
    text = unicodedata.normalize("NFC", given.strip())
    if not text or len(text) > LONGEST_DESCRIPTION:
        raise InvalidInput(
            f"A description has 1 to {LONGEST_DESCRIPTION} characters; this one has {len(text)}.",
            hint="Say in one sentence what the server is for.",
        )
    unseen = next((c for c in text if not c.isprintable()), None)
    if unseen is not None:
        raise InvalidInput(
            f"The description has a character that cannot be seen: U+{ord(unseen):04X}.",
            hint="Write it as one line of plain text.",
        )
    return text


def _refuse_taken(given: str, package: str) -> None:
    if keyword.iskeyword(package) or keyword.issoftkeyword(package):
        reason = "it is a word of Python itself"
    elif package in sys.stdlib_module_names:
        reason = "it would hide a module of Python's own"
    elif package in _TAKEN:
        reason = "it would hide a package that it needs"
    else:
        return
    raise InvalidInput(
        f"A server cannot be called `{given}`: {reason}.", hint=f"Call it `{given}-server`, say."
    )


def proposed_name(text: str, separator: str = "-") -> str | None:
    """A name made of what can be used of `text`; None if that is nothing."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode().lower()
    words = re.findall(r"[a-z0-9]+", plain)
    while words and not words[0][0].isalpha():
        words.pop(0)
    return separator.join(words)[:LONGEST_NAME].strip(separator) or None


def _proposal(given: str, separator: str) -> str:
    name = proposed_name(given, separator)
    return f"`{name}` would do. " if name else ""


def _shown(given: str) -> str:
    return repr(given if len(given) <= 60 else f"{given[:60]}…")
