"""What a person types: at a terminal with history and completion, else one line at a time.

Called by the chat's conversation. It must never treat what was typed ahead as consent.
"""

from __future__ import annotations

import asyncio
import codecs
import os
import sys
import threading
from collections.abc import Generator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from muxi.cli import output

if TYPE_CHECKING:
    from prompt_toolkit.key_binding import KeyBindings, KeyPressEvent


class Prompt(Protocol):
    """Where the chat gets its lines from."""

    interactive: bool
    """Whether a person can be asked something else than the next message."""

    async def message(self) -> str:
        """The next message or command. Raises EOFError at the end, KeyboardInterrupt on Ctrl-C."""
        ...

    async def ask(self, question: str, default: str = "") -> str:
        """The answer to a question, which does not enter the history. Raises as `message`."""
        ...

    def forget_typed_ahead(self) -> None:
        """Throw away what was typed before the next question was on the screen."""
        ...


class QuestionPrompt:
    """Answers of a person at a terminal to single questions."""

    def __init__(self) -> None:
        from prompt_toolkit import PromptSession
        from prompt_toolkit.output import ColorDepth, create_output

        # Questions of a command whose answers go into a pipe are asked on standard error.
        self._stream = sys.stdout if output.is_terminal(sys.stdout) else sys.stderr
        self._colour = None if output.coloured(self._stream) else ColorDepth.DEPTH_1_BIT
        self._questions: PromptSession[str] = PromptSession(
            color_depth=self._colour, output=create_output(stdout=self._stream)
        )

    async def ask(self, question: str, default: str = "") -> str:
        """See `Prompt`."""
        return await self._questions.prompt_async(question, default=default)

    def forget_typed_ahead(self) -> None:
        """See `Prompt`."""
        import termios

        from prompt_toolkit.input.typeahead import clear_typeahead

        # Keys wait in two places: those that the last prompt read too many, and those unread.
        clear_typeahead(self._questions.app.input)
        with suppress(termios.error, OSError, ValueError):
            termios.tcflush(sys.stdin.fileno(), termios.TCIFLUSH)


class TerminalPrompt(QuestionPrompt):
    """Lines from a person, by prompt_toolkit: editing, history, completion of commands."""

    interactive = True

    def __init__(self, history: Path, commands: Sequence[tuple[str, str]]) -> None:
        from prompt_toolkit import PromptSession
        from prompt_toolkit.completion import WordCompleter
        from prompt_toolkit.history import FileHistory
        from prompt_toolkit.output import create_output

        super().__init__()
        self._history = history
        with suppress(OSError):
            history.parent.mkdir(parents=True, exist_ok=True)
            # What a person types is theirs alone.
            os.close(os.open(history, os.O_CREAT | os.O_WRONLY | os.O_APPEND, 0o600))
        self._session: PromptSession[str] = PromptSession(
            history=FileHistory(history) if os.access(history, os.W_OK) else None,
            completer=WordCompleter(
                [name for name, _ in commands], meta_dict=dict(commands), sentence=True
            ),
            complete_while_typing=True,
            key_bindings=_bindings(),
            color_depth=self._colour,
            output=create_output(stdout=self._stream),
            prompt_continuation="  ",
            reserve_space_for_menu=4,
        )

    async def message(self) -> str:
        return await self._session.prompt_async("› " if _draws("›") else "> ")


def _draws(glyph: str) -> bool:
    """Whether the terminal's encoding has `glyph`."""
    try:
        glyph.encode(sys.stdout.encoding or "ascii")
    except (UnicodeEncodeError, LookupError):
        return False
    return True


def _bindings() -> KeyBindings:
    from prompt_toolkit.key_binding import KeyBindings

    bindings = KeyBindings()

    @bindings.add("escape", "enter")
    def _(event: KeyPressEvent) -> None:
        event.current_buffer.insert_text("\n")

    return bindings


@contextmanager
def silent_keyboard() -> Generator[None]:
    """Keys that are pressed meanwhile are not drawn into what is on the screen; Ctrl-C still works.

    They are not lost either: the next prompt reads them.
    """
    import termios

    try:
        before = termios.tcgetattr(0)
    except (termios.error, OSError):
        yield
        return
    silent = termios.tcgetattr(0)
    silent[3] &= ~(termios.ECHO | termios.ICANON)
    termios.tcsetattr(0, termios.TCSANOW, silent)
    try:
        yield
    finally:
        termios.tcsetattr(0, termios.TCSANOW, before)


class LinePrompt:
    """Lines from a pipe or a file, each a message or a command."""

    interactive = False

    def __init__(self) -> None:
        self._lines: asyncio.Queue[str | None] = asyncio.Queue()
        # Reading a pipe blocks, and a file cannot be watched by the loop: hence a thread, which the
        # end of the program does not wait for.
        loop = asyncio.get_running_loop()
        threading.Thread(target=self._read, args=(loop,), daemon=True).start()

    def _read(self, loop: asyncio.AbstractEventLoop) -> None:
        decoder = codecs.getincrementaldecoder("utf-8")("replace")
        pending = ""
        with suppress(RuntimeError, OSError):  # the loop has ended, or standard input has
            while chunk := os.read(0, 65536):
                *lines, pending = (pending + decoder.decode(chunk)).split("\n")
                for line in lines:
                    loop.call_soon_threadsafe(self._lines.put_nowait, line)
            if pending:
                loop.call_soon_threadsafe(self._lines.put_nowait, pending)
        with suppress(RuntimeError):
            loop.call_soon_threadsafe(self._lines.put_nowait, None)

    async def message(self) -> str:
        line = await self._lines.get()
        if line is None:
            raise EOFError
        return line

    async def ask(self, question: str, default: str = "") -> str:
        raise EOFError

    def forget_typed_ahead(self) -> None:
        """Lines of a pipe are messages, never answers."""
