"""Eight MCP servers that other people wrote, from their packages, pinned. For the tier `ci`.

They are installed once, as `muxi mcp install` does it, into a cache that all tests share.
"""

from __future__ import annotations

import asyncio
import fcntl
from pathlib import Path
from typing import Any

from support.installed import CACHE

from muxi.config.mcp_settings import McpServerSettings
from muxi.mcp.local import Places

NPM = "2026.8.31"


def real_servers(folder: Path) -> dict[str, dict[str, Any]]:
    """The servers as a project declares them; what they work on lies in `folder`."""
    files = {"files": {str(folder): "write"}}
    servers: dict[str, dict[str, Any]] = {
        "time": {
            "command": ["mcp-server-time", "--local-timezone", "UTC"],
            "packages": {"python": ["mcp-server-time==2026.10.19"]},
            "permissions": {},
        },
        "git": {
            "command": ["mcp-server-git", "--repository", str(folder / "repository")],
            "packages": {"python": ["mcp-server-git==2026.10.19"]},
            "permissions": files,
        },
        "fetch": {
            "command": ["mcp-server-fetch", "--ignore-robots-txt", "--allow-private-ips"],
            "packages": {"python": ["mcp-server-fetch==2026.10.24"]},
            "permissions": {"network": True},
        },
        # Made for another generation of the SDK than the others: it needs an environment apart.
        "sqlite": {
            "command": ["mcp-server-sqlite", "--db-path", str(folder / "test.db")],
            "packages": {"python": ["mcp-server-sqlite==2025.4.25", "mcp<2"]},
            "permissions": files,
            "protocol": "legacy",
        },
        "files": {
            "command": ["mcp-server-filesystem", str(folder)],
            "packages": {"node": [f"@modelcontextprotocol/server-filesystem@{NPM}"]},
            "permissions": files,
        },
        "memory": {
            "command": ["mcp-server-memory"],
            "packages": {"node": [f"@modelcontextprotocol/server-memory@{NPM}"]},
            "permissions": files,
            "env": {"MEMORY_FILE_PATH": str(folder / "memory.jsonl")},
        },
        "everything": {
            "command": ["mcp-server-everything"],
            "packages": {"node": [f"@modelcontextprotocol/server-everything@{NPM}"]},
        },
        "thinking": {
            "command": ["mcp-server-sequential-thinking"],
            "packages": {"node": [f"@modelcontextprotocol/server-sequential-thinking@{NPM}"]},
        },
    }
    # Eight that start at once on a busy machine may take longer than anybody would wait for one.
    return {name: {**each, "start_timeout": 240} for name, each in servers.items()}


def install(declared: dict[str, dict[str, Any]], state: Path) -> None:
    """Install what is missing into the cache, and let the project's state find it there."""
    CACHE.mkdir(parents=True, exist_ok=True)
    cached = Places(folder=CACHE, state=CACHE / "mcp-servers")
    with (CACHE / "mcp-servers.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        for name, entry in declared.items():
            settings = McpServerSettings.model_validate(entry)
            made = cached.environment(name, settings)
            assert made is not None
            if not made.installed:
                asyncio.run(made.install(lambda line: None))
            home = state / "mcp" / name
            home.mkdir(parents=True, exist_ok=True)
            (home / made.folder.name).symlink_to(made.folder, target_is_directory=True)
