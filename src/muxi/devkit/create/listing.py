"""What a server that was just written offers: asked from itself, in a process of its own.

The lock of its tools is made from this. The process imports the server as its users will and writes
no byte code.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from muxi.core.errors import MuxiError
from muxi.mcp.surface import Surface

_SECONDS = 60

_PROGRAM = """
import asyncio, json, sys
sys.path.insert(0, sys.argv[1])
from mcp import Client
server = __import__(sys.argv[2] + ".server", fromlist=["server"]).create_server()
async def listing():
    async with Client(getattr(server, "sdk", server)) as client:
        return {
            "name": client.server_info.name,
            "version": client.server_info.version,
            "instructions": client.instructions,
            "tools": (await client.list_tools()).tools,
            "prompts": (await client.list_prompts()).prompts,
            "resource_templates": (await client.list_resource_templates()).resource_templates,
        }
def plain(value):
    return value.model_dump(mode="json", by_alias=True, exclude_none=True)
print(json.dumps(asyncio.run(listing()), default=plain))
"""


def surface_of(
    source: Path,
    package: str,
    *,
    python: str = sys.executable,
    environment: Mapping[str, str] | None = None,
) -> Surface:
    """What the server `package` below the folder `source` lists when it is asked.

    Args:
        source: What its package lies in.
        package: The package.
        python: The interpreter that has what it needs.
        environment: What it is told; nothing by default.

    Raises:
        MuxiError: It cannot be asked.
    """
    kept = {name: value for name, value in os.environ.items() if name in ("PATH", "SYSTEMROOT")}
    try:
        done = subprocess.run(  # noqa: S603 -- our own program, and the server that we wrote
            [python, "-I", "-B", "-c", _PROGRAM, str(source), package],
            env={**kept, **(environment or {})},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_SECONDS,
            check=True,
        )
        said: dict[str, Any] = json.loads(done.stdout)
    except subprocess.CalledProcessError as error:
        words = error.stderr.decode(errors="replace").strip().splitlines()
        raise MuxiError(
            f"The server cannot be started: {words[-1] if words else error}.",
            hint="Does it start by its own command? Mend it, then try again.",
        ) from error
    except (subprocess.TimeoutExpired, ValueError) as error:
        raise MuxiError(f"The server does not tell what it offers: {error}.") from error
    return Surface.model_validate(said)
