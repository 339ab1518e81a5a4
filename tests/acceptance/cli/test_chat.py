"""`muxi chat` without a terminal: lines in, answers out, and nothing lost when it is killed."""

from __future__ import annotations

import json
import signal

import pytest

from tests.support.command import Muxi, Provider


async def test_every_line_is_a_message_of_one_conversation(
    project: Muxi, provider: Provider
) -> None:
    done = await project("chat", input="one\n\ntwo\n")
    assert (done.code, done.out) == (0, "You said: one\nYou said: two\n")
    said = [message["content"] for message in provider.asked[-1]["messages"][-3:]]
    assert said == ["one", "You said: one", "two"]


@pytest.mark.ci
async def test_answers_come_while_input_is_open(project: Muxi) -> None:
    async with project.start("chat", input=True) as running:
        running.type("one\n")
        await running.until(lambda it: it.out == "You said: one\n")
        running.type("two\n")
        await running.until(lambda it: it.out.endswith("You said: two\n"))
        assert (await running.end()).code == 0


@pytest.mark.ci
async def test_commands_work_in_a_pipe(project: Muxi) -> None:
    done = await project(
        "chat", input="/agents\n/agent careful\n/agent\n/nope\n/etc/hosts\n/quit\nx\n"
    )
    assert done.code == 0
    assert done.out == "You said: /etc/hosts\n"
    assert "* assistant" in done.err
    assert "careful answers from now on." in done.err
    assert "error: There is no command /nope.\nhint: /help lists them." in done.err


@pytest.mark.ci
async def test_nobody_is_asked_when_nobody_is_there(project: Muxi) -> None:
    done = await project("chat", "-a", "careful", input="calculate it\n")
    assert (done.code, done.out) == (3, "")
    assert "The run waits for your approval" in done.err


@pytest.mark.ci
async def test_nothing_is_said_past_an_open_question(project: Muxi) -> None:
    done = await project("chat", "-a", "careful", input="calculate it\nhello\n")
    assert (done.code, done.out) == (3, "")
    assert "Your message was not sent." in done.err
    listed = json.loads((await project("threads", "list", "--json")).out)
    done = await project("run", "-t", listed[0]["id"], "hello")
    assert (done.code, done.out) == (1, "")
    assert f"`muxi chat -t {listed[0]['id']}`" in done.err


@pytest.mark.ci
async def test_an_error_ends_the_answer_and_not_the_chat(project: Muxi) -> None:
    done = await project("chat", input="fail\nhello\n")
    assert (done.code, done.out) == (0, "You said: hello\n")
    assert "No such thing." in done.err


async def test_ctrl_c_stops_the_answer_and_not_the_chat(project: Muxi) -> None:
    async with project.start("chat", input=True) as running:
        running.type("slow one two three\n")
        await running.until(lambda it: "slow" in it.out)
        running.signal(signal.SIGINT)
        await running.until(lambda it: "Stopped." in it.err)
        running.type("hello\n")
        await running.until(lambda it: it.out.endswith("You said: hello\n"))
        assert (await running.end()).code == 0


@pytest.mark.ci
async def test_a_thread_can_be_continued_and_shows_what_was_said(project: Muxi) -> None:
    await project("chat", input="one\n")
    done = await project("chat", "--continue", input="two\n")
    assert done.out == "You said: two\n"
    assert "Going on with" in done.err
    assert "You said: one" in done.err
    listed = json.loads((await project("threads", "list", "--json")).out)
    assert len(listed) == 1
    again = await project("chat", "-t", listed[0]["id"], input="")
    assert "You said: two" in again.err


@pytest.mark.ci
async def test_only_one_way_to_choose_a_thread(project: Muxi) -> None:
    assert (await project("chat", "--new", "--continue", input="")).code == 2


@pytest.mark.ci
async def test_a_thread_that_is_not_there_is_told(project: Muxi) -> None:
    done = await project("chat", "-t", "thr_nothing", input="")
    assert done.code == 1
    assert done.err.startswith("error: ")


async def test_a_chat_that_is_killed_in_an_answer_loses_no_completed_message(
    project: Muxi, provider: Provider
) -> None:
    async with project.start("chat", input=True) as running:
        running.type("hello\n")
        await running.until(lambda it: it.out == "You said: hello\n")
        running.type("slow one two three\n")
        await running.until(lambda it: it.out.endswith("You said: slow "))
        running.signal(signal.SIGKILL)
        await running.end()
    provider.release.set()

    after = await project("chat", "--continue", input="")
    assert after.code == 0
    assert after.err.count("You said: hello") == 1
    assert "slow one two three" in after.err
    # The answer that was cut off is written anew by the next owner of the project, while the chat
    # looks on or just before it looks.
    assert (after.out + after.err).count("You said: slow one two three") == 1

    listed = json.loads((await project("threads", "list", "--json")).out)
    shown = await project("threads", "show", listed[0]["id"], "--json")
    texts = [message["parts"][0]["text"] for message in json.loads(shown.out)]
    assert texts == [
        "hello",
        "You said: hello",
        "slow one two three",
        "You said: slow one two three",
    ]


async def test_two_processes_share_one_project(project: Muxi) -> None:
    async with project.start("chat", input=True) as first:
        first.type("one\n")
        await first.until(lambda it: it.out == "You said: one\n")
        second = await project("run", "two")
        assert (second.code, second.out) == (0, "You said: two\n")
        first.type("three\n")
        await first.until(lambda it: it.out.endswith("You said: three\n"))
        assert (await first.end()).code == 0
    listed = json.loads((await project("threads", "list", "--json")).out)
    assert len(listed) == 2


@pytest.mark.ci
async def test_a_chat_takes_over_when_the_owner_of_the_project_leaves(project: Muxi) -> None:
    async with project.start("chat", input=True) as owner:
        owner.type("one\n")
        await owner.until(lambda it: it.out == "You said: one\n")
        async with project.start("chat", input=True) as it:
            it.type("two\n")
            await it.until(lambda it: it.out == "You said: two\n")
            await owner.end()
            it.type("three\n")
            await it.until(lambda it: it.out.endswith("You said: three\n"))
            assert "this one takes over" in it.err
            assert (await it.end()).code == 0


@pytest.mark.ci
async def test_an_answer_survives_the_kill_of_the_owner(project: Muxi, provider: Provider) -> None:
    async with project.start("chat", input=True) as owner:
        owner.type("one\n")
        await owner.until(lambda it: it.out == "You said: one\n")
        async with project.start("chat", input=True) as it:
            it.type("slow two three four\n")
            await it.until(lambda it: it.out == "You said: slow ")
            owner.signal(signal.SIGKILL)
            provider.release.set()
            await it.until(lambda it: it.out.endswith("You said: slow two three four\n"))
            it.type("five\n")
            await it.until(lambda it: it.out.endswith("You said: five\n"))
            assert (await it.end()).code == 0
