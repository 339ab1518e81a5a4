"""`muxi chat` at a terminal: streams, asks, stops, and comes back after a kill."""

from __future__ import annotations

import os
import signal

import pytest

from tests.support.command import Muxi, Provider
from tests.support.terminal import terminal

pytestmark = pytest.mark.ci


async def test_an_answer_appears_while_it_is_written(project: Muxi, provider: Provider) -> None:
    async with terminal(project, "chat") as it:
        await it.sees("/help shows commands", "›")
        await it.type("slow **one** two three")
        shown = await it.sees("You said: slow", "Ctrl-C stops")
        assert "three" not in shown.split("assistant")[1]
        provider.release.set()
        shown = await it.sees("You said: slow one two three", "20 in · 10 out · price unknown")
        assert "Ctrl-C stops" not in shown
        await it.press("C-d")
        await it.ended()


async def test_tool_calls_are_shown_with_arguments_result_and_time(project: Muxi) -> None:
    async with terminal(project, "chat", width=50) as it:
        await it.sees("›")
        await it.type("calculate it")
        shown = await it.sees("It is 391.", "price unknown")
        assert '✓ calculator(expression="17*23") · ' in shown
        assert "\n  391\n" in shown


async def test_a_person_decides_about_a_call(project: Muxi) -> None:
    async with terminal(project, "chat", "-a", "careful") as it:
        await it.sees("›")
        await it.type("calculate it")
        await it.sees("Allow this call? [y]es, [a]lways here, [n]o, [e]dit the arguments:")
        await it.type("")
        await it.sees("Allow this call?", times=2)
        await it.type("e")
        await it.sees('Arguments (JSON; empty to go back): {"expression": "17*23"}')
        await it.press("BSpace", "BSpace", "BSpace")
        await it.type('4"}')
        await it.sees("It is A person changed the arguments", "408.")
        await it.type("calculate again")
        await it.sees("Allow this call?", times=3)
        await it.press("C-c")
        await it.sees("/approve asks again")
        await it.type("/approve")
        await it.sees("Allow this call?", times=4)
        await it.press("C-c")
        await it.sees("/approve asks again", times=2)
        await it.type("hello")
        await it.sees("Something is still open")
        await it.sees("Allow this call?", times=5)
        await it.type("n")
        await it.sees("Why not?")
        await it.type("too dear")
        await it.sees("denied", "too dear")
        await it.sees("You said: hello")


async def test_a_question_is_answered_in_the_chat(project: Muxi) -> None:
    async with terminal(project, "chat", "-a", "asking") as it:
        await it.sees("›")
        await it.type("ask me")
        await it.sees("ask_user asks: Which colour?", "1. red", "2. green")
        await it.type("blue")
        await it.sees("its number from 1 to 2")
        await it.type("2")
        await it.sees("It is green.")
        await it.type("ask me again")
        await it.sees("Your answer (/no declines):", times=3)
        await it.type("/no")
        await it.sees("does not want to answer")


async def test_a_run_at_a_terminal_asks_and_goes_on(project: Muxi) -> None:
    async with terminal(project, "run", "-a", "careful", "calculate it") as it:
        await it.sees("Allow this call?")
        await it.type("y")
        await it.sees("It is 391.")
    async with terminal(project, "run", "-a", "asking", "ask me") as it:
        await it.sees("Which colour?", "Your answer")
        await it.press("C-d")
        await it.sees("The run waits for your approval.", "tells how a script answers")


async def test_what_was_typed_ahead_is_no_consent(project: Muxi) -> None:
    async with terminal(project, "chat", "-a", "careful") as it:
        await it.sees("›")
        await it.tmux("send-keys", "calculate it", "Enter", "y", "Enter")
        await it.sees("Allow this call?")
        await it.type("n")
        await it.sees("Why not?")
        await it.type("")
        assert "391" not in (await it.sees("denied"))


async def test_ctrl_c_stops_the_answer_and_ctrl_d_leaves(project: Muxi) -> None:
    async with terminal(project, "chat") as it:
        await it.sees("›")
        await it.type("slow one two three")
        await it.sees("You said: slow")
        await it.press("C-c")
        await it.sees("Stopped. What was answered so far is kept.")
        await it.type("hello")
        await it.sees("You said: hello")
        await it.press("C-d")
        await it.ended()


async def test_a_killed_chat_comes_back_with_every_completed_message(
    project: Muxi, provider: Provider
) -> None:
    async with terminal(project, "chat") as it:
        await it.sees("›")
        await it.type("hello")
        await it.sees("You said: hello")
        await it.type("slow one two three")
        await it.sees("You said: slow")
        os.kill(await it.pid(), signal.SIGKILL)
        await it.ended()
    provider.release.set()
    async with terminal(project, "chat") as it:
        shown = await it.sees(
            "Going on with “hello”", "You said: hello", "You said: slow one two three"
        )
        assert shown.count("You said: hello") == 1
        await it.type("and on")
        await it.sees("You said: and on")


@pytest.mark.parametrize("environment", [{"NO_COLOR": "1"}, {"TERM": "dumb"}])
async def test_no_colour_where_none_is_wanted(project: Muxi, environment: dict[str, str]) -> None:
    async with terminal(project, "chat", **environment) as it:
        await it.sees("muxi 0")
        await it.type("hello")
        await it.sees("You said: hello")
        shown = await it.screen(styles=True)
        assert "\x1b[3" not in shown.replace("\x1b[39m", "").replace("\x1b[3m", "")


async def test_commands_of_the_chat(project: Muxi) -> None:
    async with terminal(project, "chat", height=40) as it:
        await it.sees("›")
        await it.type("hello there")
        await it.sees("You said: hello there")
        await it.type("/title A name")
        await it.sees("Named: A name")
        await it.type("/new")
        await it.sees("A new conversation.")
        await it.type("/threads")
        await it.sees("A name", "/open NUMBER opens one.")
        await it.type("/open 1")
        await it.sees("› hello there")
        await it.type("/help")
        await it.sees("/approve", "Ctrl-D leaves the chat")
        await it.type("/quit")
        await it.ended()


async def test_up_shows_its_address_and_ends_by_ctrl_c(project: Muxi) -> None:
    async with terminal(project, "up", "--port", "0", width=100) as it:
        await it.sees("dashboard", "http://localhost:", "sign in", "Ctrl-C stops it.")
        await it.press("C-c")
        await it.sees("Stopped.")
        await it.ended()


async def test_a_key_is_not_shown_while_it_is_typed(project: Muxi) -> None:
    async with terminal(project, "secrets", "set", "MY_KEY") as it:
        await it.sees("Value of MY_KEY")
        await it.type("very-secret")
        shown = await it.sees("Stored MY_KEY.")
        assert "very-secret" not in shown
