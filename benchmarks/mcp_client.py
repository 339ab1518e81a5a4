"""What MCP servers cost beside the bare SDK: calls, starts, many servers, turns with their tools.

    python benchmarks/mcp_client.py [--quick]

muxi and the SDK take turns in one run, and the least of the rounds counts, so that ratios can be
trusted where figures cannot. CPU is user and system time of this process; that of the servers is
told apart. The servers are those of `tests/support`: one of the SDK, and one in raw messages, which
starts at once.
"""

from __future__ import annotations

import argparse
import asyncio
import gc
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
RAW = ROOT / "tests" / "support" / "raw_mcp_server.py"
SERVERS, TOOLS = 20, 25
SDK = """
from mcp.server import MCPServer

app = MCPServer("bench", version="1.0.0")


@app.tool()
def add(a: int, b: int) -> int:
    \"\"\"Add two numbers.\"\"\"
    return a + b


if __name__ == "__main__":
    app.run()
"""


def cpu() -> float:
    """CPU seconds of this process."""
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def cpu_of_servers() -> float:
    """CPU seconds of the processes that have ended."""
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime


async def least(rounds: int, *works: Callable[[], Awaitable[None]]) -> list[float]:
    """Least CPU seconds of each work, which take turns."""
    best = [float("inf")] * len(works)
    for _ in range(rounds):
        for at, work in enumerate(works):
            gc.collect()
            began = cpu()
            await work()
            best[at] = min(best[at], cpu() - began)
    return best


async def calls(count: int, rounds: int) -> tuple[float, float]:
    """CPU seconds of one call in memory: of the bare SDK, and through muxi."""
    from mcp import Client

    from muxi.config.mcp_settings import McpServerSettings
    from muxi.core.context import RunContext
    from muxi.mcp.servers import Servers
    from muxi.mcp.target import ObjectTarget

    scope: dict[str, Any] = {"__name__": "bench"}
    exec(SDK, scope)
    settings = {"s": McpServerSettings(command=["in-memory"])}
    servers = Servers(settings=settings, target=lambda *_: ObjectTarget(scope["app"]))
    async with Client(scope["app"]) as client, servers:
        toolset = servers.toolset([("s", "*")])
        ctx: RunContext[Any] = RunContext(deps=None).for_call("c", "k", lambda _: None)
        await toolset.specs(ctx)

        async def bare() -> None:
            for number in range(count):
                await client.call_tool("add", {"a": number, "b": 1})

        async def ours() -> None:
            for number in range(count):
                await toolset.call("s__add", {"a": number, "b": 1}, ctx)

        await bare()
        await ours()
        before, after = await least(rounds, bare, ours)
    return before / count, after / count


async def starts(command: list[str], rounds: int) -> tuple[float, float, float, float]:
    """Wall and CPU seconds to a server's list of tools: of the bare SDK, and through muxi."""
    from mcp import Client, StdioServerParameters

    from muxi.config.mcp_settings import McpServerSettings
    from muxi.mcp.local import Places
    from muxi.mcp.servers import Servers

    walls = [float("inf"), float("inf")]
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder)
        places = Places(folder=place, state=place / ".muxi")

        async def bare() -> None:
            began = time.perf_counter()
            async with Client(
                StdioServerParameters(command=command[0], args=command[1:])
            ) as client:
                await client.list_tools()
                # muxi locks these too, so that both do the same.
                if client.server_capabilities.prompts:
                    await client.list_prompts()
                if client.server_capabilities.resources:
                    await client.list_resource_templates()
                walls[0] = min(walls[0], time.perf_counter() - began)

        async def ours() -> None:
            settings = {"s": McpServerSettings(command=command)}
            began = time.perf_counter()
            async with Servers(settings=settings, target=places.target) as servers:
                await servers.surface("s")
                walls[1] = min(walls[1], time.perf_counter() - began)

        await bare()
        await ours()
        best = await least(rounds, bare, ours)
    return walls[0], walls[1], best[0], best[1]


def project(folder: Path, command: list[str]) -> Any:
    """A project with 20 servers, all of whose tools its agent has; another agent has none."""
    from muxi.config.project import Project

    servers = {f"server{n}": {"command": command} for n in range(SERVERS)}
    agents = {
        "with": {"name": "with", "tools": ["mcp.*"]},
        "without": {"name": "without", "tools": []},
    }
    return Project.model_validate(
        {"model": "m/m", "folder": folder, "agents": agents, "mcp": {"servers": servers}}
    )


async def many(folder: Path, command: list[str], part: str, turns: int) -> dict[str, float]:
    """One part of what many servers cost, in this process: `connect`, `start` or `turns`."""
    from muxi.core.caller import LOCAL_CALLER
    from muxi.models.scripted import ScriptedModel
    from muxi.runtime.build import open_runtime
    from muxi.runtime.principal import LOCAL
    from muxi.runtime.requests import RunRequest

    model = ScriptedModel(lambda _: "Done.")
    runtime = await open_runtime(project(folder, command), models={"m/m": model})
    found: dict[str, float] = {}

    async def turn(agent: str) -> None:
        _, feed = await runtime.runs.start_and_follow(
            LOCAL_CALLER, RunRequest(agent=agent, input="Go")
        )
        while await feed.next() is not None:
            pass

    try:
        if part == "connect":
            began, cpu_before = time.perf_counter(), cpu()
            runtime.mcp.warm()
            while any(  # noqa: ASYNC110 -- what is waited for tells nobody
                info.state != "ready" for info in runtime.mcp.infos(LOCAL)
            ):
                await asyncio.sleep(0.05)
            found = {"wall": time.perf_counter() - began, "cpu": cpu() - cpu_before}
        elif part == "start":
            from muxi.core.context import RunContext

            began, cpu_before = time.perf_counter(), cpu()
            version = await runtime.agents.current(LOCAL_CALLER.scope, "with")
            agent = await runtime.agents.live(version)
            servers = runtime.mcp.servers
            found["tools"] = sum(len(servers.tools(name)) for name in servers.names)
            found |= {"wall": time.perf_counter() - began, "cpu": cpu() - cpu_before}
            began, cpu_before = time.perf_counter(), cpu()
            ctx: RunContext[Any] = RunContext(deps=None)
            for each in agent.spec.toolsets:
                await each.specs(ctx)
            found |= {"wall_search": time.perf_counter() - began, "cpu_search": cpu() - cpu_before}
            found["running"] = sum(info.state != "idle" for info in runtime.mcp.infos(LOCAL))
        else:
            await turn("with")
            await turn("without")

            async def some(agent: str) -> None:
                for _ in range(turns):
                    await turn(agent)

            best = await least(5, lambda: some("without"), lambda: some("with"))
            found = {"without": best[0] / turns, "with": best[1] / turns}
    finally:
        await runtime.close()
    found["servers"] = cpu_of_servers()
    return found


def apart(folder: str, command: list[str], part: str, turns: int) -> dict[str, float]:
    """`many` in a process of its own, so that nothing is imported yet."""
    words = [sys.executable, __file__, "--part", part, folder, str(turns), *command]
    done = subprocess.run(words, check=True, stdout=subprocess.PIPE)
    return json.loads(done.stdout)


def compare(what: str, bare: float, ours: float, goal: float) -> None:
    """One row of the SDK's figure and ours."""
    row = (what, f"{bare * 1e3:.3f}", f"{ours * 1e3:.3f}", f"{ours / bare:.2f}", str(goal))
    print(f"| {' | '.join(row)} |")


def raw_command() -> list[str]:
    return [sys.executable, "-I", "-S", str(RAW)]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="fewer rounds")
    quick = parser.parse_args().quick
    rounds, count, turns = (3, 200, 10) if quick else (9, 500, 50)
    with tempfile.TemporaryDirectory() as folder:
        script = Path(folder, "server.py")
        script.write_text(SDK, encoding="utf-8")
        bare, ours = asyncio.run(calls(count, rounds))
        sdk = asyncio.run(starts([sys.executable, str(script)], rounds))
        raw = asyncio.run(starts(raw_command(), rounds))
        lock = tempfile.mkdtemp(dir=folder)
        connected = apart(lock, raw_command(), "connect", 0)
        heavy = tempfile.mkdtemp(dir=folder)
        full = apart(heavy, [sys.executable, str(script)], "connect", 0)
        started = apart(lock, raw_command(), "start", 0)
        turn = apart(lock, raw_command(), "turns", turns)
    print(f"load {os.getloadavg()[0]:.1f}, {'quick' if quick else 'full'}\n")
    print("| what | SDK | muxi | ratio | goal |")
    print("| --- | --- | --- | --- | --- |")
    compare("call in memory, CPU ms", bare, ours, 1.2)
    for name, (wall, our_wall, spent, our_spent) in (("SDK's server", sdk), ("raw server", raw)):
        compare(f"start of a {name}, wall ms", wall, our_wall, 1.3)
        compare(f"start of a {name}, CPU ms", spent, our_spent, 1.3)
    print(f"\n{SERVERS} servers, {started['tools']:.0f} tools\n")
    print("| what | measured | goal |")
    print("| --- | --- | --- |")
    print(
        f"| agent ready from the lock, {started['running']:.0f} servers running, wall | "
        f"{started['wall']:.3f} s (CPU {started['cpu']:.3f} s) | 0.5 s |"
    )
    print(
        "| what the search among them takes once, beside it, wall | "
        f"{started['wall_search']:.3f} s (CPU {started['cpu_search']:.3f} s) | |"
    )
    for name, each in (("raw servers", connected), ("servers of the SDK", full)):
        print(
            f"| all connected ({name}), CPU of muxi with the SDK's import | {each['cpu']:.2f} s, "
            f"of the servers {each['servers']:.1f} s, wall {each['wall']:.1f} s | 20 s |"
        )
    more = turn["with"] - turn["without"]
    print(
        f"| a turn with their tools, CPU more | {more * 1e3:.2f} ms "
        f"({turn['with'] * 1e3:.2f} for {turn['without'] * 1e3:.2f}) | 2 ms |"
    )


if __name__ == "__main__":
    if sys.argv[1:2] == ["--part"]:
        part_, folder_, turns_, *command_ = sys.argv[2:]
        answer = asyncio.run(many(Path(folder_), command_, part_, int(turns_)))
        print(json.dumps(answer))
    else:
        main()
