"""A question outlives its process: asked in one, which is killed, and granted from another."""

from __future__ import annotations

import signal

import pytest

from tests.acceptance.approvals.conftest import Till


async def test_what_is_asked_in_a_killed_process_is_granted_from_another(till: Till) -> None:
    async with till.muxi.start("run", "--json", "pay") as asking:
        await asking.until(lambda it: "approval.requested" in it.out and "noted" in it.out)
        asking.signal(signal.SIGKILL)
        await asking.end()
    assert (till.did("noted"), till.did("paid")) == (["once"], [])
    (asked,) = await till.asked()
    assert (asked["tool"], asked["arguments"]) == ("pay", {"amount": 5})
    assert asked["reason"] == "Money leaves the house."
    done = await till.muxi("approvals", "approve", asked["id"])
    assert (done.code, done.out) == (0, "Results: noted; paid 5\n"), done.err
    assert (till.did("noted"), till.did("paid")) == (["once"], ["5"])
    assert await till.asked() == []
    again = await till.muxi("approvals", "approve", asked["id"])
    assert again.code == 1
    assert "answered already: approve, by local" in again.err
    assert till.did("paid") == ["5"]


@pytest.mark.ci
async def test_a_server_that_is_killed_and_started_anew_still_asks(till: Till) -> None:
    async with till.muxi.start("up", "--port", "0", "--no-browser") as server:
        await server.until(lambda it: "http://" in it.out + it.err)
        waiting = await till.muxi("run", "pay")
        assert waiting.code == 3
        assert "Money leaves the house." in waiting.err
        server.signal(signal.SIGKILL)
        await server.end()
    async with till.muxi.start("up", "--port", "0", "--no-browser") as server:
        await server.until(lambda it: "http://" in it.out + it.err)
        (asked,) = await till.asked()
        changed = await till.muxi(
            "approvals", "approve", asked["id"], "--arguments", '{"amount": "much"}'
        )
        assert changed.code == 2
        assert "$.amount: 'much' is not of type 'integer'" in changed.err
        done = await till.muxi("approvals", "approve", asked["id"], "--arguments", '{"amount": 3}')
        assert done.code == 0, done.err
        assert 'changed the arguments of this call to {"amount": 3}' in done.out
    assert (till.did("noted"), till.did("paid")) == (["once"], ["3"])


@pytest.mark.ci
async def test_a_granted_call_whose_process_is_killed_is_not_made_again_unasked(
    till: Till,
) -> None:
    (till.folder / "slow").touch()
    assert (await till.muxi("run", "pay")).code == 3
    (asked,) = await till.asked()
    async with till.muxi.start("approvals", "approve", asked["id"]) as granting:
        await till.until(lambda: bool(till.did("paid")))
        granting.signal(signal.SIGKILL)
        await granting.end()
    (till.folder / "slow").unlink()
    async with till.muxi.start("up", "--port", "0", "--no-browser") as server:
        await server.until(lambda it: "http://" in it.out + it.err)
        interrupted = await till.asked_something()
        assert "interrupted and may have taken effect" in interrupted[0]["reason"]
        assert till.did("paid") == ["5"]
        done = await till.muxi("approvals", "deny", interrupted[0]["id"], "--reason", "It was paid")
        assert done.code == 0, done.err
        assert "It was paid" in done.out
    assert (till.did("noted"), till.did("paid")) == (["once"], ["5"])
