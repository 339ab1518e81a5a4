"""What a command writes: data on standard output, words for people on standard error.

Called by every command. It never colours a stream that is no terminal, and never lets text from
outside (a model, a tool, a file) move the cursor of the terminal.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, TextIO

import typer

from muxi.cli.exits import ExitCode
from muxi.core.errors import MuxiError

_RED, _YELLOW, _CYAN, _DIM, _BOLD = "31;1", "33;1", "36;1", "2", "1"
_CONTROLS = {
    # Unicode has a visible symbol for each of the old control characters.
    **{code: 0x2400 + code for code in range(0x20) if chr(code) not in "\n\t"},
    **dict.fromkeys((0x7F, *range(0x80, 0xA0)), 0xFFFD),
}
_BIDI = {code: f"\\u{code:04x}" for code in (*range(0x202A, 0x202F), *range(0x2066, 0x206A))}


def plain(text: str) -> str:
    """`text` without characters that steer a terminal; line ends and tabs stay."""
    return text.replace("\r\n", "\n").translate(_CONTROLS)


def unmasked(text: str) -> str:
    """`plain` text in which overrides of the writing direction, too, are shown instead of obeyed.

    For what a person is asked to approve: it must read as what will be done.
    """
    return plain(text).translate(_BIDI)


def is_terminal(stream: TextIO | Any) -> bool:
    """Whether a person sees `stream`; a closed or missing one is none."""
    try:
        return bool(stream.isatty())
    except (AttributeError, ValueError):
        return False


def coloured(stream: TextIO) -> bool:
    """Whether colour is welcome on `stream`; see https://no-color.org."""
    if os.environ.get("NO_COLOR") or os.environ.get("TERM") == "dumb":
        return False
    return is_terminal(stream)


def _styled(text: str, style: str) -> str:
    return f"\x1b[{style}m{text}\x1b[0m" if coloured(sys.stderr) else text


def bold(text: str) -> str:
    """`text` made to stand out on standard error."""
    return _styled(text, _BOLD)


def dim(text: str) -> str:
    """`text` made to recede on standard error."""
    return _styled(text, _DIM)


def say(text: str = "") -> None:
    """A line for people. A standard error that is gone stops nobody."""
    with suppress(OSError, ValueError):
        print(text, file=sys.stderr, flush=True)


def error(message: str, hint: str | None = None) -> None:
    """`error: …` and, after it, `hint: …`."""
    say(f"{_styled('error', _RED)}: {plain(message)}")
    if hint:
        say(f"{_styled('hint', _CYAN)}: {plain(hint)}")


def warn(message: str) -> None:
    """`warning: …`, for what does not stop the command."""
    say(f"{_styled('warning', _YELLOW)}: {plain(message)}")


def agreed(question: str) -> bool:
    """A person's yes; without a person at the terminal there is none.

    Raises:
        typer.BadParameter: Nobody can be asked.
    """
    if not is_terminal(sys.stdin):
        raise typer.BadParameter("Nobody is here to ask; --yes goes on without asking.")
    return typer.confirm(plain(question), err=True)


def write(text: str) -> None:
    """Data as it is, at once; a terminal is protected from what is in it.

    Raises:
        typer.Exit: Nobody reads any more.
        MuxiError: It cannot be written, for instance to a full disk.
    """
    try:
        sys.stdout.write(plain(text) if is_terminal(sys.stdout) else text)
        sys.stdout.flush()
    except BrokenPipeError:
        _forget_stdout()
        raise typer.Exit(ExitCode.PIPE_CLOSED) from None
    except OSError as error:
        _forget_stdout()
        raise MuxiError(
            f"Standard output cannot be written: {error.strerror}.",
            hint="What was answered is kept: `muxi threads show` has it.",
        ) from None


def line(text: str) -> None:
    """One line of data."""
    write(f"{text}\n")


def as_json(value: Any) -> None:
    """A value as JSON: indented for a person, else on one line."""
    indent = 2 if is_terminal(sys.stdout) else None
    line(json.dumps(value, ensure_ascii=False, indent=indent))


def table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Rows as aligned columns. Headings are shown to people only, so that scripts see data."""
    cells = [[" ".join(plain(cell).split()) for cell in row] for row in rows]
    shown = [list(headings), *cells] if is_terminal(sys.stdout) else cells
    if not shown:
        return
    widths = [max(len(row[i]) for row in shown) for i in range(len(headings))]
    for row in shown:
        padded = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        line("  ".join(padded).rstrip())


def fields(rows: Sequence[tuple[str, str]]) -> None:
    """Names and values, one a line."""
    width = max((len(name) for name, _ in rows), default=0)
    for name, value in rows:
        line(f"{name:<{width}}  {' '.join(plain(value).split())}")


def tolerate_any_terminal() -> None:
    """Let a terminal that lacks a character show a question mark, instead of failing.

    A program that is started with a stream closed reads nothing there and writes to nobody.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            setattr(sys, name, Path(os.devnull).open(mode, encoding="utf-8"))  # noqa: SIM115 -- stays open as long as the process
    for stream in (sys.stdout, sys.stderr):
        with suppress(AttributeError, ValueError):
            stream.reconfigure(errors="replace")  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType] -- only text files have it, and a replaced stream is left alone


def close() -> None:
    """Hand the last of the data over while an error can still be caught."""
    try:
        sys.stdout.flush()
    except (OSError, ValueError):
        _forget_stdout()


def _forget_stdout() -> None:
    """Let the interpreter's own flush at exit go nowhere."""
    with suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
