"""Servers that misbehave: whatever they do, a call ends in words for the model, and muxi lives."""

from __future__ import annotations

import asyncio
import json
import os
import time
from pathlib import Path

import pytest
from support.remote import lines, remote, settings, several, until

from muxi.core.errors import ToolArgumentsInvalid, ToolError, ToolFailed, ToolNotFound, ToolTimeout
from muxi.mcp.log import LINE_LENGTH, LINES
from muxi.mcp.orders import Retries


@pytest.fixture(autouse=True)
def hurry(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait less for those that will not end."""
    monkeypatch.setattr("muxi.mcp.process._GRACE", 0.3)


async def test_a_server_that_dies_in_a_call_gives_an_error_and_comes_back(tmp_path: Path):
    async with remote(tmp_path) as server:
        first = await server.call("pid")
        with pytest.raises(ToolFailed, match="ended while s__die was being called"):
            await server.call("die")
        assert await server.call("pid") != first
        info = server.servers.info("s")
        assert (info.state, info.restarts, info.failures) == ("ready", 1, 1)
        log = lines(server.servers.log("s", 10))
        assert "goodbye" in log
        assert "it exited with code 3; its last words: goodbye" in log


async def test_a_server_that_is_killed_in_a_call_gives_an_error_and_comes_back(tmp_path: Path):
    async with remote(tmp_path) as server:
        pid = int(await server.call("pid"))
        calls = [asyncio.create_task(server.call("slow", number=60)) for _ in range(3)]
        await until(lambda: len(server.servers.connection("s").active) == 3)
        os.kill(pid, 9)
        for call in calls:
            with pytest.raises(ToolFailed, match="ended while s__slow"):
                await call
        assert await server.call("echo", value="back") == "back"
        assert "SIGKILL" in lines(server.servers.log("s", 10))


async def test_a_call_that_is_never_answered_ends_in_time_and_the_server_lives(tmp_path: Path):
    async with remote(tmp_path, timeout=1.5) as server:
        pid = await server.call("pid")
        with pytest.raises(ToolTimeout, match=r"did not answer within 1\.5 s"):
            await server.call("hang")
        assert await server.call("pid") == pid
        assert json.loads(await server.call("cancelled")), "the server is told that nobody waits"
        await until(lambda: server.servers.info("s").latency is not None)


async def test_a_server_that_hangs_as_a_whole_is_ended_and_comes_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("muxi.mcp.connection._WELL", 1.0)
    async with remote(tmp_path, timeout=1.5) as server:
        pid = await server.call("pid")
        with pytest.raises(ToolTimeout):
            await server.call("hang", value="all")
        await until(lambda: server.servers.info("s").restarts)
        assert await server.call("pid") != pid
        assert "it hung, and was ended" in lines(server.servers.log("s", 10))


async def test_an_idle_server_that_hangs_is_found_before_anybody_needs_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("muxi.mcp.connection._WELL", 1.0)
    monkeypatch.setattr("muxi.mcp.connection._QUIET", 0.2)
    async with remote(tmp_path) as server:
        pid = int(await server.call("pid"))
        await until(lambda: server.servers.info("s").latency is not None)
        os.kill(pid, 19)  # SIGSTOP
        await until(lambda: server.servers.info("s").restarts)
        assert await server.call("echo", value="well") == "well"


async def test_the_second_of_two_answers_is_dropped(tmp_path: Path):
    async with remote(tmp_path) as server:
        assert await server.call("twice") == "first"
        assert await server.call("echo", value="mine") == "mine"


async def test_the_late_result_of_a_cancelled_call_goes_to_nobody(tmp_path: Path):
    async with remote(tmp_path) as server:
        call = asyncio.create_task(server.call("slow", number=0.4))
        await until(lambda: server.servers.connection("s").active)
        await asyncio.sleep(0.05)
        call.cancel()
        with pytest.raises(asyncio.CancelledError):
            await call
        assert json.loads(await server.call("cancelled")), "the server hears of it"
        assert await server.call("slow", number=0.5) == "late"
        assert not server.servers.connection("s").active


async def test_garbage_on_standard_output_is_kept_in_the_log_and_passed_over(tmp_path: Path):
    async with remote(tmp_path, "noisy") as server:
        assert await server.call("noise") == "after the noise"
        log = lines(server.servers.log("s", 20))
        assert "stdout: Welcome to this server!" in log
        assert "stdout: this is no message" in log


@pytest.mark.parametrize("megabytes", [2, 100])
async def test_a_message_that_is_too_long_fails_its_call_only(tmp_path: Path, megabytes: int):
    async with remote(tmp_path, max_message=1_000_000, timeout=120) as server:
        pid = await server.call("pid")
        slow = asyncio.create_task(server.call("slow", number=0.3))
        with pytest.raises(ToolFailed, match="at most 1,000,000 are read"):
            await server.call("big", number=megabytes * 1_000_000)
        assert await slow == "late"
        assert await server.call("pid") == pid


async def test_an_endless_first_line_ends_with_the_time_to_start(tmp_path: Path):
    async with remote(tmp_path, "huge", max_message=100_000, start_timeout=0.5) as server:
        assert await server.names() == []
        assert "did not answer within 0.5 s" in server.servers.info("s").detail


async def test_a_long_result_is_cut_with_a_notice(tmp_path: Path):
    async with remote(tmp_path, max_result=1_000) as server:
        result = await server.call("big", number=50_000)
        assert len(result) < 1_200
        assert "[Cut: the result has 50,000 characters" in result


async def test_a_flood_of_notifications_is_slowed_down_and_the_call_goes_on(tmp_path: Path):
    async with remote(tmp_path, timeout=120) as server:
        began = time.process_time()
        assert await server.call("flood", number=600) == "dry"
        assert time.process_time() - began < 3
        assert "slowed down" in lines(server.servers.log("s", LINES))
        assert len(server.servers.log("s", 10_000)) <= LINES


async def test_a_flood_on_standard_error_leaves_a_bounded_log(tmp_path: Path):
    async with remote(tmp_path, timeout=120) as server:
        assert await server.call("mutter", number=20_000) == "muttered"
        await until(lambda: "further lines" in lines(server.servers.log("s", LINES)))
        log = server.servers.log("s", 10_000)
        assert len(log) <= LINES
        assert all(len(line) < LINE_LENGTH + 50 for line in log)


async def test_a_server_that_never_answers_fails_with_the_time_that_it_had(tmp_path: Path):
    async with remote(tmp_path, "silent", start_timeout=0.5) as server:
        began = time.monotonic()
        assert await server.names() == []
        assert time.monotonic() - began < 60
        info = server.servers.info("s")
        assert info.state == "waiting"
        assert info.detail == "it did not answer within 0.5 s"
        assert info.retry_in is not None


async def test_a_server_that_cannot_start_is_tried_again_later_and_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("muxi.mcp.orders.FIRST_DELAY", 0.01)
    async with remote(tmp_path, "crash") as server:
        assert await server.names() == []
        await until(lambda: server.servers.info("s").state == "failed")
        info = server.servers.info("s")
        assert info.restarts == 5
        assert info.detail == "it exited with code 7; its last words: cannot start: no luck"


def test_the_delay_between_attempts_grows_and_has_jitter():
    retries = Retries()
    for longest in (0.5, 1, 2, 4):
        retries.failed(steady=False, final=False)
        assert longest / 2 - 0.1 <= retries.left <= longest
        assert not retries.given_up
    retries.failed(steady=False, final=False)
    assert retries.given_up
    retries.failed(steady=True, final=False)
    assert retries.left <= 0.5, "a connection that held is forgiven what was before"
    retries.failed(steady=False, final=True)
    assert retries.given_up, "what cannot get better is not tried again by itself"
    for _ in range(20):
        retries.failed(steady=False, final=False)
    assert retries.left <= 60


async def test_a_call_fails_at_once_while_the_next_attempt_is_far_off(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("muxi.mcp.orders.FIRST_DELAY", 60.0)
    async with remote(tmp_path, "crash") as server:
        await server.names()
        began = time.monotonic()
        with pytest.raises(ToolFailed, match=r"not available: it exited with code 7.*tried again"):
            await server.servers.connection("s").session()
        assert time.monotonic() - began < 30


async def test_a_program_that_does_not_exist_is_told_with_a_hint(tmp_path: Path):
    async with remote(tmp_path, command=["no-such-program-here"]) as server:
        assert await server.names() == []
        info = server.servers.info("s")
        assert info.state == "failed"
        assert "There is no program no-such-program-here" in info.detail


async def test_tools_with_broken_schemas_are_left_out_with_the_reason(tmp_path: Path):
    async with remote(tmp_path, "broken-schema") as server:
        names = await server.names()
        assert "s__echo" in names
        assert "s__broken" not in names
        refused = server.servers.info("s").refused
        assert "'strin' is not valid" in refused["broken"]
        assert "does not exist" in refused["lost"]


async def test_a_listing_that_is_not_mcp_is_told_with_the_place(tmp_path: Path):
    async with remote(tmp_path, "no-schema") as server:
        assert await server.names() == []
        assert "tools.25.inputSchema: Field required" in server.servers.info("s").detail


async def test_a_list_without_an_end_is_given_up(tmp_path: Path):
    async with remote(tmp_path, "endless", start_timeout=120) as server:
        assert await server.names() == []
        assert "its list of tools has no end" in server.servers.info("s").detail


async def test_an_answer_that_is_not_mcp_is_told_as_the_servers_fault(tmp_path: Path):
    async with remote(tmp_path) as server:
        with pytest.raises(ToolFailed, match="cannot be used") as caught:
            await server.call("nonsense")
        assert "fault of the MCP server s" in (caught.value.hint or "")


async def test_a_result_that_does_not_fit_its_own_schema_is_refused(tmp_path: Path):
    async with remote(tmp_path) as server:
        with pytest.raises(ToolFailed, match="does not fit its own schema"):
            await server.call("wrong")


async def test_an_error_of_a_tool_is_given_to_the_model_as_it_is(tmp_path: Path):
    async with remote(tmp_path) as server:
        with pytest.raises(ToolError, match=r"^it is broken$"):
            await server.call("fail")
        with pytest.raises(ToolFailed, match="refused"):
            await server.call("refuse")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"a": 1}, "'b' is a required property"),
        ({"a": 1, "b": "two"}, "'two' is not of type 'integer'"),
        ({"a": 1, "b": 2, "c": 3}, "there is no such argument; there is: a, b"),
    ],
)
async def test_arguments_that_do_not_fit_never_reach_the_server(
    tmp_path: Path, arguments: dict[str, object], words: str
):
    async with remote(tmp_path) as server:
        with pytest.raises(ToolArgumentsInvalid, match=words):
            await server.call("add", **arguments)
        assert server.servers.info("s").calls == 0


async def test_a_server_cannot_take_the_name_of_another_ones_tool(tmp_path: Path):
    declared = {"one": settings(prefix=False), "two": settings(prefix=False)}
    async with several(tmp_path, declared) as servers:
        toolset = servers.servers.toolset([("*", "*")], refuse=lambda name: name == "add")
        names = [spec.name for spec in await toolset.specs(servers.context())]
        assert names.count("echo") == 1
        assert "add" not in names
        one = await servers.call("one__x") if "one__x" in names else None
        assert one is None
        parts = await toolset.call("pid", {}, servers.context())
        assert str(servers.servers.info("one").pid) in str(parts)


async def test_a_tool_that_was_taken_back_is_told_as_gone(tmp_path: Path):
    async with remote(tmp_path) as server:
        await server.names()
        with pytest.raises(ToolNotFound, match="not offered any more"):
            await server.call("s__never")


async def test_a_server_that_will_not_end_is_ended(tmp_path: Path):
    async with remote(tmp_path, "stubborn") as server:
        pid = int(await server.call("pid"))
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


async def test_what_a_server_has_started_ends_with_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr("muxi.mcp.process._GLANCE", 0.1)
    async with remote(tmp_path) as server:
        pid = int(await server.call("pid"))
        with pytest.raises(ToolFailed):
            await server.call("bear")
        assert int(await server.call("pid")) != pid
        await until(lambda: not _alive_in_group(pid))


def _alive_in_group(group: int) -> list[str]:
    """Processes of a group that have not ended; one that nobody has waited for yet has."""
    found: list[str] = []
    for file in Path("/proc").glob("[0-9]*/stat"):
        try:
            _, _, rest = file.read_text().rpartition(")")
        except OSError:
            continue
        state, _, member = rest.split()[:3]
        if int(member) == group and state not in "ZX":
            found.append(file.parent.name)
    return found
