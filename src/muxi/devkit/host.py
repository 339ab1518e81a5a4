"""Runs a server object that a Python file or module holds: over standard streams, or over HTTP.

Started as a program by `devkit.connect`, with the interpreter of the server's own environment, in
which muxi need not be installed: it may import nothing but the standard library and, when it runs,
the SDK that the server is made with. `load_server` is also called for a server in memory.
"""

from __future__ import annotations

import importlib
import json
import runpy
import socket
import sys
from pathlib import Path
from typing import Any

_USUAL = ("mcp", "server", "app")
"""Names that a server object usually has."""


class NoServer(Exception):
    """What was named holds no server object."""


def load_server(place: str, attribute: str | None) -> Any:
    """The server object of a file or module; `attribute` names it where there are several.

    Raises:
        NoServer: There is none, or it is not clear which one is meant.
    """
    module = import_file(Path(place)) if place.endswith(".py") else importlib.import_module(place)
    if attribute is not None:
        found = getattr(module, attribute, None)
        if not _is_server(found):
            what = "nothing" if found is None else type(found).__name__
            raise NoServer(f"{place} has {what} called `{attribute}`, and no server object.")
        return found
    servers = {name: value for name, value in vars(module).items() if _is_server(value)}
    for name in _USUAL:
        if name in servers:
            return servers[name]
    different = {id(value): value for value in servers.values()}
    if len(different) == 1:
        return next(iter(different.values()))
    if different:
        raise NoServer(f"{place} has several servers: {', '.join(servers)}. Name one of them.")
    raise NoServer(f"{place} holds no server object at its top level.")


def low_level(server: Any) -> Any:
    """The object with the SDK's own `run(read_stream, write_stream, options)` behind a server."""
    for name in ("_lowlevel_server", "_mcp_server"):
        inner = getattr(server, name, None)
        if inner is not None:
            return inner
    return server


def _is_server(value: object) -> bool:
    """An MCPServer, a low-level Server or a FastMCP, without importing any of them."""
    if isinstance(value, type):
        return False
    names = {kind.__name__ for kind in type(value).__mro__}
    packages = {kind.__module__.partition(".")[0] for kind in type(value).__mro__}
    return bool(names & {"MCPServer", "FastMCP", "Server"}) and bool(packages & {"mcp", "fastmcp"})


def import_file(file: Path) -> Any:
    """The module of a file, imported by its full name if it is part of a package."""
    file = file.resolve()
    parts, root = [file.stem], file.parent
    while (root / "__init__.py").is_file():
        parts.insert(0, root.name)
        root = root.parent
    if str(root) not in sys.path:
        sys.path.insert(0, str(root))
    if parts[-1] == "__init__":
        parts.pop()
    name = ".".join(parts)
    known = sys.modules.get(name)
    if known is not None and getattr(known, "__file__", None) != str(file):
        return _apart(file)
    return importlib.import_module(name)


def _apart(file: Path) -> Any:
    """The module of a file whose name another module has already."""
    import importlib.util

    name = f"_hosted_{abs(hash(str(file)))}"
    if name not in sys.modules:
        spec = importlib.util.spec_from_file_location(name, file)
        assert spec is not None
        assert spec.loader is not None
        module = importlib.util.module_from_spec(spec)
        sys.modules[name] = module
        spec.loader.exec_module(module)
    return sys.modules[name]


async def _serve_stdio(server: Any) -> None:
    from mcp.server.stdio import stdio_server

    inner = low_level(server)
    async with stdio_server() as (read, write):
        await inner.run(read, write, inner.create_initialization_options())


def _serve_http(server: Any) -> None:
    """Serve at `/mcp` on a free port, which the first line of standard output tells."""
    import uvicorn

    make = getattr(server, "streamable_http_app", None) or server.http_app
    app = make()
    listening = socket.socket()
    listening.bind(("127.0.0.1", 0))
    listening.listen(128)  # whoever reads the line below may connect at once
    # httptools, which is taken where it is installed, leaves the blanks around a header's value.
    config = uvicorn.Config(app, http="h11", log_level="warning", timeout_graceful_shutdown=1)
    sys.stdout.write(json.dumps({"port": listening.getsockname()[1]}) + "\n")
    sys.stdout.flush()
    uvicorn.Server(config).run(sockets=[listening])


def main(transport: str, place: str, attribute: str | None) -> None:
    """Serve until the other side ends.

    A file without a server object is run as the program that it then must be.
    """
    try:
        server = load_server(place, attribute)
    except NoServer:
        if transport != "stdio" or attribute is not None or not place.endswith(".py"):
            raise
        sys.argv = [place]
        runpy.run_path(place, run_name="__main__")
        return
    if transport == "http":
        _serve_http(server)
        return
    import anyio

    anyio.run(_serve_stdio, server)


if __name__ == "__main__":
    sys.path[0] = str(Path.cwd())  # the folder of this file has names that would hide others
    try:
        main(sys.argv[1], sys.argv[2], sys.argv[3] if len(sys.argv) > 3 else None)
    except NoServer as error:
        sys.exit(str(error))
    except KeyboardInterrupt:
        sys.exit(130)
