"""`muxi run`: the answer on standard output and nothing else there, and an exit code to rely on."""

from __future__ import annotations

import json
import signal
from pathlib import Path

import pytest

from tests.support.command import Muxi, Provider


async def test_the_answer_is_the_only_data(project: Muxi) -> None:
    done = await project("run", "Good", "morning")
    assert (done.code, done.out, done.err) == (0, "You said: Good morning\n", "")


async def test_tool_calls_are_told_beside_the_answer(project: Muxi) -> None:
    done = await project("run", "calculate it")
    assert (done.code, done.out) == (0, "It is 391.\n")
    assert '→ calculator(expression="17*23")' in done.err
    assert "← calculator" in done.err
    assert "\x1b" not in done.err
    assert (await project("run", "-q", "calculate it")).err == ""


@pytest.mark.ci
async def test_the_question_comes_from_a_pipe(project: Muxi) -> None:
    for arguments in ((), ("-",)):
        done = await project("run", *arguments, input="one\ntwo\n")
        assert (done.code, done.out) == (0, "You said: one\ntwo\n")


@pytest.mark.ci
async def test_an_empty_question_is_wrong_use(project: Muxi) -> None:
    done = await project("run", input="  \n")
    assert (done.code, done.out) == (2, "")
    assert "There is nothing to ask." in done.err


async def test_events_are_lines_of_json(project: Muxi) -> None:
    done = await project("run", "--json", "calculate it")
    assert done.code == 0
    kinds = [event["type"] for event in done.events]
    assert kinds[0] == "run.started"
    assert {"tool.started", "tool.completed", "text.delta", "message.completed"} <= set(kinds)
    assert kinds[-1] == "run.completed"
    assert done.events[-1]["text"] == "It is 391."
    numbers = [event["seq"] for event in done.events]
    assert numbers == sorted(set(numbers))


@pytest.mark.ci
async def test_a_thread_is_continued(project: Muxi, provider: Provider) -> None:
    first = await project("run", "--json", "one")
    thread = first.events[0]["thread_id"]
    await project("run", "-t", thread, "two")
    said = [message["content"] for message in provider.asked[-1]["messages"]]
    assert [text for text in said if text in ("one", "You said: one", "two")] == [
        "one",
        "You said: one",
        "two",
    ]


async def test_a_run_that_waits_for_a_person_ends_with_its_own_code(project: Muxi) -> None:
    done = await project("run", "-a", "careful", "calculate it")
    assert (done.code, done.out) == (3, "")
    assert '"expression": "17*23"' in done.err
    assert "hint: `muxi chat -t thr_" in done.err


@pytest.mark.ci
async def test_a_limit_ends_a_run_with_its_own_code(project: Muxi) -> None:
    done = await project("run", "-a", "short", "calculate it")
    assert done.code == 4
    assert "error: " in done.err


@pytest.mark.ci
async def test_a_refusal_of_the_provider_is_told_in_words(project: Muxi) -> None:
    done = await project("run", "fail")
    assert (done.code, done.out) == (1, "")
    assert done.err.startswith("error: ")
    assert "No such thing." in done.err
    assert "Traceback" not in done.err


async def test_ctrl_c_stops_the_run_and_keeps_what_was_answered(project: Muxi) -> None:
    async with project.start("run", "slow one two three four five") as running:
        await running.until(lambda it: "slow" in it.out)
        running.signal(signal.SIGINT)
        done = await running.end()
    assert done.code == 130
    assert done.out == "You said: slow \n"
    threads = json.loads((await project("threads", "list", "--json")).out)
    shown = await project("threads", "show", threads[0]["id"])
    assert "assistant (cut short): You said: slow" in shown.out


async def test_a_missing_key_is_told_with_what_to_do(muxi: Muxi) -> None:
    (muxi.folder / "muxi.yaml").write_text("model: anthropic/claude-sonnet-4-5\n")
    done = await muxi("run", "hello")
    assert (done.code, done.out) == (2, "")
    assert "ANTHROPIC_API_KEY" in done.err
    assert "hint: " in done.err


async def test_all_mistakes_of_the_project_file_are_told_at_once(muxi: Muxi) -> None:
    text = "agnets: {}\nagents:\n  a:\n    tools: [calculater]\nserver:\n  port: many\n"
    (muxi.folder / "muxi.yaml").write_text(text)
    done = await muxi("run", "hello")
    assert (done.code, done.out) == (2, "")
    for place in ("muxi.yaml:1:1", "muxi.yaml:4:13", "muxi.yaml:6:9"):
        assert place in done.err
    assert not (muxi.folder / ".muxi").exists()


@pytest.mark.ci
async def test_an_unknown_agent_is_told(project: Muxi) -> None:
    done = await project("run", "-a", "nobody", "hello")
    assert done.code == 1
    assert "nobody" in done.err


@pytest.mark.ci
async def test_a_reader_that_goes_away_ends_the_command_quietly(project: Muxi) -> None:
    async with project.start("run", "--json", "hello") as running:
        assert running.process.stdout is not None
        running.process.stdout._transport.close()  # pyright: ignore -- the reader's own end of the pipe
        done = await running.end()
    assert done.code == 141
    assert done.err == ""


@pytest.mark.ci
async def test_letters_of_all_kinds_come_through(project: Muxi) -> None:
    text = "🎉 مرحبا \u202e नमस्ते"
    done = await project("run", text)
    assert (done.code, done.out) == (0, f"You said: {text}\n")


@pytest.mark.ci
async def test_a_project_is_named_by_its_path(project: Muxi, tmp_path: Path) -> None:
    elsewhere = Muxi(tmp_path, project.environment)
    for path in (project.folder, project.folder / "muxi.yaml"):
        done = await elsewhere("run", "-p", str(path), "hello")
        assert done.out == "You said: hello\n"
