"""Semantic versions and ranges of them: how tools are asked for, as `search@^1.2`.

Versions are those of semver.org 2.0.0, ranges those of npm without its rarer spellings. Used by
`config` to check names, by `runtime` to choose, by `tools` to judge changes. Own code: the library
for npm's ranges has not been kept since 2022 and differs from npm, which the tests compare with.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final

from muxi.core.errors import InvalidInput

_NUMBER: Final = r"(?:0|[1-9][0-9]{0,8})"
_IDENTIFIER: Final = r"(?:0|[1-9][0-9]*|[0-9]*[A-Za-z-][0-9A-Za-z-]*)"
_TAG: Final = rf"{_IDENTIFIER}(?:\.{_IDENTIFIER})*"
_BUILD: Final = r"[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*"
_VERSION: Final = re.compile(
    rf"({_NUMBER})\.({_NUMBER})\.({_NUMBER})(?:-({_TAG}))?(?:\+({_BUILD}))?"
)
_TERM: Final = re.compile(
    rf"(\^|~|>=|<=|>|<|=)?\s*(?:\*|({_NUMBER})(?:\.(?:[x*]|({_NUMBER})"
    rf"(?:\.(?:[x*]|({_NUMBER})(?:-({_TAG}))?(?:\+{_BUILD})?))?))?)"
)
_LONGEST: Final = 200
_Key = tuple[tuple[int, int, int], bool, tuple[tuple[bool, int, str], ...]]


@dataclass(frozen=True, slots=True)
class Version:
    """One version. Ordered by precedence, in which what follows a `+` counts for nothing."""

    numbers: tuple[int, int, int]
    """Major, minor, patch."""
    tags: tuple[str, ...] = ()
    """What makes it a prerelease: `1.0.0-rc.1` has `rc` and `1`."""
    build: str = field(default="", compare=False)

    @classmethod
    def parse(cls, text: str) -> Version:
        """Raises `InvalidInput` unless `text` is a version as semver.org writes it."""
        match = _VERSION.fullmatch(text) if len(text) <= _LONGEST else None
        if match is None:
            raise InvalidInput(
                f"`{text[:40]}` is no semantic version.", hint="Write it like `1.4.0`."
            )
        major, minor, patch, tags, build = match.groups()
        numbers = (int(major), int(minor), int(patch))
        return cls(numbers, tuple(tags.split(".")) if tags else (), build or "")

    @property
    def key(self) -> _Key:
        """Orders versions: numbers first, a release after its prereleases."""
        tags = tuple(
            (False, int(tag), "") if tag.isdigit() else (True, 0, tag) for tag in self.tags
        )
        return self.numbers, not tags, tags

    def __lt__(self, other: Version) -> bool:
        return self.key < other.key

    def __str__(self) -> str:
        tags = f"-{'.'.join(self.tags)}" if self.tags else ""
        build = f"+{self.build}" if self.build else ""
        return f"{'.'.join(map(str, self.numbers))}{tags}{build}"


_OPERATORS: Final[dict[str, Callable[[_Key, _Key], bool]]] = {
    ">=": lambda one, other: one >= other,
    ">": lambda one, other: one > other,
    "<": lambda one, other: one < other,
    "<=": lambda one, other: one <= other,
    "=": lambda one, other: one == other,
}
_Bound = tuple[str, Version]


@dataclass(frozen=True, slots=True)
class Range:
    """Which versions will do. `text` is as it was written.

    `^1.2` and `1` admit what their callers can use, `~1.2` repairs only, `1.2.3` that one version,
    `>=1.2 <2` what keeps both bounds, `1.4.0 || ^2` either. A prerelease fits only where one of the
    same three numbers is named.
    """

    text: str
    alternatives: tuple[tuple[_Bound, ...], ...]

    @classmethod
    def parse(cls, text: str) -> Range:
        """Raises `InvalidInput` unless `text` is a range."""
        return _parsed(text)

    def __contains__(self, version: Version) -> bool:
        return any(_fits(version, bounds) for bounds in self.alternatives)

    def best(self, versions: Iterable[Version]) -> Version | None:
        """The highest of `versions` that fits; None if none does."""
        return max((each for each in versions if each in self), key=lambda v: v.key, default=None)


@lru_cache(maxsize=512)
def _parsed(text: str) -> Range:
    if len(text) > _LONGEST:
        raise _no_range(text)
    return Range(text, tuple(_alternative(part, text) for part in text.split("||")))


def _fits(version: Version, bounds: tuple[_Bound, ...]) -> bool:
    if version.tags and not any(
        bound.tags and bound.numbers == version.numbers for _, bound in bounds
    ):
        return False
    return all(_OPERATORS[sign](version.key, bound.key) for sign, bound in bounds)


def _alternative(part: str, whole: str) -> tuple[_Bound, ...]:
    bounds: list[_Bound] = []
    rest = part.strip()
    if not rest:
        raise _no_range(whole)
    while rest:
        match = _TERM.match(rest)
        if match is None or (rest[match.end() :] and rest[match.end()] not in " ,\t"):
            raise _no_range(whole)
        bounds += _term(*match.groups())
        rest = rest[match.end() :].lstrip(" ,\t")
    return tuple(bounds)


def _term(
    sign: str | None, major: str | None, minor: str | None, patch: str | None, tags: str | None
) -> list[_Bound]:
    """One term as bounds. Numbers that are left out stand for any."""
    if major is None:
        return [("<", Version((0, 0, 0), ("0",)))] if sign in (">", "<") else []
    given = [int(each) for each in (major, minor, patch) if each is not None]
    low = Version(_filled(given), tuple(tags.split(".")) if tags else ())
    if sign == "^":
        kept = next((at for at, number in enumerate(given) if number), len(given) - 1)
        return [(">=", low), ("<", _after(given[: kept + 1], "0"))]
    if sign == "~":
        return [(">=", low), ("<", _after(given[:2], "0"))]
    if sign == ">=" or (sign in (">", "<", "<=") and len(given) == 3):
        return [(sign, low)]
    if sign == "<":
        return [(sign, Version(low.numbers, ("0",)))]
    if sign == ">":
        return [(">=", _after(given))]
    if sign == "<=":
        return [("<", _after(given, "0"))]
    return [("=", low)] if len(given) == 3 else [(">=", low), ("<", _after(given, "0"))]


def _after(numbers: list[int], *tags: str) -> Version:
    """The first version behind all that begin with `numbers`; of the tag 0, its prereleases too."""
    return Version(_filled([*numbers[:-1], numbers[-1] + 1]), tags)


def _filled(numbers: list[int]) -> tuple[int, int, int]:
    major, minor, patch, *_ = [*numbers, 0, 0]
    return major, minor, patch


def _no_range(text: str) -> InvalidInput:
    return InvalidInput(
        f"`{text[:40]}` is no range of versions.",
        hint="Write `1.4.0`, `1.4`, `^1.4`, `~1.4`, `>=1.4 <2`, or several with `||`.",
    )


UNVERSIONED: Final = "0.0.0"
"""The version of what says none."""


def is_version(text: str) -> bool:
    """Whether `text` is a semantic version."""
    return len(text) <= _LONGEST and _VERSION.fullmatch(text) is not None


def is_range(text: str) -> bool:
    """Whether `text` can be read as a range."""
    try:
        Range.parse(text)
    except InvalidInput:
        return False
    return True


def named_range(text: str) -> tuple[str, Range | None]:
    """The name and the range of `search@^1.2`; None without one.

    Raises:
        InvalidInput: What follows the `@` is no range.
    """
    name, mark, wanted = text.partition("@")
    return name, Range.parse(wanted) if mark else None
