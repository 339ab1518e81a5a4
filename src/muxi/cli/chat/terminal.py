"""The chat on a terminal: markdown as it is written, calls of tools, a line that shows life.

Made by `command` when standard output is a terminal. Text from outside is shown, never obeyed.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterable, Sequence

from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.live import Live
from rich.markdown import Heading, Markdown
from rich.padding import Padding
from rich.segment import Segment
from rich.spinner import Spinner
from rich.text import Text

from muxi.cli import narration, output
from muxi.cli.answer import AnswerText
from muxi.cli.chat.markdown import MarkdownStream
from muxi.core.events import (
    Event,
    MessageCompleted,
    MessageStarted,
    ReasoningDelta,
    RunCompleted,
    ToolCallStarted,
    ToolCompleted,
    ToolProgress,
    ToolStarted,
)
from muxi.core.messages import Message, ToolResultPart

_FRAME = 0.08
"""Seconds between two drawings: fast enough to look fluent, slow enough to cost little."""
_RESULT_LINES = 6
_REASONING_CHARACTERS = 300


class _Bottom:
    """The last lines of what it holds, as many as fit on the screen."""

    def __init__(self, content: Iterable[RenderableType]) -> None:
        self._content = content

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        lines = [
            row
            for item in self._content
            for row in console.render_lines(item, options.update(height=None), pad=False)
        ]
        for row in lines[-max(console.size.height - 2, 1) :]:
            yield from row
            yield Segment.line()


class _Heading(Heading):
    """A heading at the left margin, where the eye is."""

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        text = self.text.copy()
        text.stylize("bold underline" if self.tag == "h1" else "bold")
        yield text


class _Markdown(Markdown):
    elements = {**Markdown.elements, "heading_open": _Heading}  # noqa: RUF012 -- rich's own way of replacing an element


class _Prose:
    """Markdown without blank lines around it; whoever prints it sets the distance."""

    def __init__(self, text: str) -> None:
        # Addresses are written out: a link must not hide where it leads.
        self._markdown = _Markdown(text, hyperlinks=False, code_theme="ansi_dark")

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        lines = console.render_lines(self._markdown, options.update(height=None), pad=False)
        filled = [i for i, row in enumerate(lines) if any(part.text.strip() for part in row)]
        for row in lines[filled[0] : filled[-1] + 1] if filled else ():
            yield from row
            yield Segment.line()


class TerminalScreen:
    """Draws the conversation with rich."""

    def __init__(self) -> None:
        self.verbose = False
        self.console = Console(markup=False, highlight=False, emoji=False)
        self._unicode = self.console.encoding.lower().startswith("utf")
        self._live: Live | None = None
        self._ticker: asyncio.Task[None] | None = None
        self._reset()

    def _reset(self) -> None:
        self._answer = AnswerText()
        self._stream = MarkdownStream()
        self._running: dict[str, tuple[ToolStarted, float]] = {}
        self._progress: dict[str, str] = {}
        self._reasoning = ""
        self._doing = "thinking"
        self._since = time.monotonic()
        self._apart = False
        self._header: Text | None = None
        """Who answers, as long as nothing of the answer stands below it."""
        self._spinner = Spinner("dots" if self._unicode else "line", style="cyan")

    def begin(self, agent: str) -> None:
        self._reset()
        self._header = Text(agent, style="bold cyan")
        self._live = Live(
            console=self.console,
            auto_refresh=False,
            transient=True,
            redirect_stdout=False,
            redirect_stderr=False,
            vertical_overflow="visible",
        )
        self._live.start()
        self._ticker = asyncio.create_task(self._tick())

    async def _tick(self) -> None:
        while True:
            begun = time.monotonic()
            self._draw()
            # A huge block takes long to draw: most of the time still belongs to its arrival.
            await asyncio.sleep(max(_FRAME, 4 * (time.monotonic() - begun)))

    def event(self, event: Event) -> None:
        piece = self._answer.take(event)
        if piece.replaces:
            self._print_rest()
            self.note("The unfinished answer above is void; this one takes its place.")
        if piece.text:
            self._doing = "writing"
            self._stream.feed(output.plain(piece.text))
        if isinstance(event, MessageStarted):
            self._doing, self._reasoning = "thinking", ""
        elif isinstance(event, MessageCompleted):
            self._finish_message()
        elif isinstance(event, RunCompleted):
            self._finish_run(event)
        else:
            self._happening(event)

    def _happening(self, event: Event) -> None:
        if isinstance(event, ReasoningDelta):
            self._reasoning += output.plain(event.text)
        elif isinstance(event, ToolCallStarted):
            self._doing = f"calling {output.plain(event.name)}"
        elif isinstance(event, ToolStarted):
            self._running[event.call_id] = (event, time.monotonic())
        elif isinstance(event, ToolProgress):
            self._progress[event.call_id] = _progress(event)
        elif isinstance(event, ToolCompleted):
            self._finish_tool(event)
        elif notice := narration.notice(event):
            self.note(notice)

    def _finish_message(self) -> None:
        if self.verbose and self._reasoning:
            self._print(Padding(Text(self._reasoning.strip(), style="dim italic"), (0, 0, 0, 2)))
        self._reasoning = ""
        self._print_rest()
        self._doing = "thinking"

    def _finish_tool(self, event: ToolCompleted) -> None:
        started, _ = self._running.pop(event.result.call_id, (None, 0.0))
        self._progress.pop(event.result.call_id, None)
        arguments = narration.arguments(started.arguments) if started is not None else ""
        duration = narration.seconds(event.seconds) if event.result.outcome != "denied" else ""
        self._print_tool(event.result, arguments, duration)

    def _finish_run(self, event: RunCompleted) -> None:
        self._print_rest()
        words = [narration.seconds(time.monotonic() - self._since)]
        if event.usage.total_tokens:
            words.insert(0, narration.consumption(event.usage))
        self._print(Text(" · ".join(words), style="dim"))

    def end(self) -> None:
        if self._ticker is not None:
            self._ticker.cancel()
            self._ticker = None
        self._running.clear()
        if self._live is not None:
            self._live.update(Text(), refresh=True)
            self._live.stop()
            self._live = None
        self._print_rest()
        if self._header is None:
            self.console.print()
        self._header = None

    def stopping(self) -> None:
        self._doing = "stopping"

    def history(self, messages: Sequence[Message]) -> None:
        for message in messages:
            self._past(message)

    def _past(self, message: Message) -> None:
        self._reset()
        if message.role == "user":
            glyph = "› " if self._unicode else "> "
            self.console.print(Text.assemble((glyph, "bold"), _said(message)))
            return
        for part in message.parts:
            if isinstance(part, ToolResultPart):
                self._print_tool(part, "", "")
        if message.text:
            self.console.print(Text(message.author or message.role, style="bold cyan"))
            self._stream.feed(output.plain(message.text))
            self._print_rest()
        if message.status == "partial":
            self.console.print(Text("(cut short)", style="dim"))
        if message.text or message.role == "tool":
            self.console.print()

    def note(self, text: str) -> None:
        self.console.print(Text(output.plain(text), style="dim"))

    def question(self, text: str) -> None:
        self.console.print(Text(text, style="yellow"))

    def rows(self, rows: Sequence[tuple[str, str]]) -> None:
        from rich.table import Table

        table = Table.grid(padding=(0, 2))
        for name, text in rows:
            table.add_row(Text(output.plain(name), style="bold"), Text(output.plain(text)))
        self.console.print(table)

    def error(self, message: str, hint: str | None = None) -> None:
        self.console.print(Text.assemble(("error", "bold red"), ": ", output.plain(message)))
        if hint:
            self.console.print(Text.assemble(("hint", "bold cyan"), ": ", output.plain(hint)))

    def _print_tool(self, result: ToolResultPart, arguments: str, duration: str) -> None:
        good = result.outcome == "ok"
        mark = ("✓" if self._unicode else "+") if good else ("✗" if self._unicode else "x")
        words = [narration.outcome(result), duration]
        tail = "".join(f" · {word}" for word in words if word)
        name = output.plain(result.name)
        call = f"{name}({arguments})" if arguments else name
        self._print(Text.assemble((f"{mark} ", "green" if good else "red"), call, (tail, "dim")))
        limit = None if self.verbose else _RESULT_LINES
        lines = narration.result_lines(result, limit=limit)
        if lines:
            self.console.print(Padding(Text("\n".join(lines), style="dim"), (0, 0, 0, 2)))

    def _print_rest(self) -> None:
        for block in self._stream.finish():
            self._print(_Prose(block))

    def _print(self, content: RenderableType) -> None:
        """Print for good, apart from what stands above."""
        if self._header is not None:
            self.console.print(self._header)
            self._header = None
        elif self._apart:
            self.console.print()
        self._apart = True
        self.console.print(content)

    def _draw(self) -> None:
        if self._live is None:
            return
        for block in self._stream.settled():
            self._print(_Prose(block))
        self._live.update(_Bottom(self._moving()), refresh=True)

    def _moving(self) -> list[RenderableType]:
        """What is still changing: the block being written, the calls being made, a sign of life."""
        content: list[RenderableType] = [] if self._header is None else [self._header]
        if self._stream.tail.strip():
            if self._apart:
                content.append(Text())
            content.append(_Prose(self._stream.tail))
        if self._reasoning:
            content.append(Text(self._reasoning[-_REASONING_CHARACTERS:], style="dim italic"))
        now = time.monotonic()
        for call_id, (event, begun) in self._running.items():
            arguments = narration.arguments(event.arguments)
            progress = self._progress.get(call_id, "")
            line = f"  {output.plain(event.name)}({arguments}) {narration.seconds(now - begun)}"
            content.append(Text(f"{line} {progress}".rstrip(), style="dim"))
        doing = "working" if self._running else self._doing
        self._spinner.update(
            text=Text(f"{doing} {now - self._since:.0f} s · Ctrl-C stops", style="dim")
        )
        content.append(self._spinner)
        return content


def _said(message: Message) -> str:
    media = [f"({part.type})" for part in message.parts if part.type not in ("text", "reasoning")]
    return output.plain(" ".join([message.text, *media]).strip())


def _progress(event: ToolProgress) -> str:
    words = [output.plain(event.message)] if event.message else []
    if event.progress is not None and event.total:
        words.insert(0, f"{100 * event.progress / event.total:.0f} %")
    return " ".join(words)
