"""An MCP server in raw messages that behaves as badly as it is told. Run as a script by tests.

It speaks the handshake of 2025-11-25 and needs nothing but the standard library, so it starts at
once. Faults that concern the whole server are arguments; those of one call are tools.
"""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

FAULTS = set(sys.argv[1:])
LOCK = threading.Lock()
CANCELLED: list[Any] = []
ANSWERS: dict[Any, dict[str, Any]] = {}
GROWN: list[str] = []


def send(message: dict[str, Any]) -> None:
    """Write one message."""
    with LOCK:
        sys.stdout.write(json.dumps({"jsonrpc": "2.0", **message}) + "\n")
        sys.stdout.flush()


def tell(method: str, **params: Any) -> None:
    """Send a notification."""
    send({"method": method, "params": params})


def text(words: str, **more: Any) -> dict[str, Any]:
    """A result that is one text."""
    return {"content": [{"type": "text", "text": words}], **more}


def tool(name: str, **more: Any) -> dict[str, Any]:
    """A tool that takes a text or a number."""
    properties = {"value": {"type": "string"}, "number": {"type": "number"}}
    return {
        "name": name,
        "description": f"Does {name}.",
        "inputSchema": {"type": "object", "properties": properties},
        **more,
    }


Call = Callable[[Any, dict[str, Any], Any], "dict[str, Any] | None"]


def environment(id_: Any, given: dict[str, Any], token: Any) -> dict[str, Any]:
    """Which variables the server was given."""
    return text(json.dumps(dict(os.environ)))


def hang(id_: Any, given: dict[str, Any], token: Any) -> None:
    """Never answer; with `all`, answer nothing else either."""
    if given.get("value") == "all":
        time.sleep(3600)


def die(id_: Any, given: dict[str, Any], token: Any) -> None:
    """End in the middle of the call."""
    print("goodbye", file=sys.stderr, flush=True)
    os._exit(3)


def twice(id_: Any, given: dict[str, Any], token: Any) -> dict[str, Any]:
    """Answer two times."""
    send({"id": id_, "result": text("first")})
    return text("second")


def noise(id_: Any, given: dict[str, Any], token: Any) -> dict[str, Any]:
    """Print what is no message."""
    with LOCK:
        sys.stdout.write("this is no message\n\x00\xff {}\n[]\n")
        sys.stdout.flush()
    return text("after the noise")


def flood(id_: Any, given: dict[str, Any], token: Any) -> dict[str, Any]:
    """Send what nobody asked for."""
    for count in range(int(given["number"])):
        tell("notifications/message", level="info", data=f"drop {count}")
    return text("dry")


def slow(id_: Any, given: dict[str, Any], token: Any) -> dict[str, Any]:
    """Answer late."""
    time.sleep(given["number"])
    return text("late")


def steps(id_: Any, given: dict[str, Any], token: Any) -> dict[str, Any]:
    """Report progress; `value` is the pause between two steps."""
    number = int(given["number"])
    for count in range(number):
        tell("notifications/progress", progressToken=token, progress=count + 1, total=number)
        time.sleep(float(given.get("value", "0.02")))
    return text("arrived")


def ask(id_: Any, given: dict[str, Any], token: Any) -> dict[str, Any]:
    """Ask a person in the middle of the call."""
    schema = {"type": "object", "properties": {"name": {"type": "string"}}}
    params = {"message": "Who?", "requestedSchema": schema}
    send({"id": "q1", "method": "elicitation/create", "params": params})
    while "q1" not in ANSWERS:
        time.sleep(0.01)
    return text(json.dumps(ANSWERS.pop("q1").get("result")))


def connect(id_: Any, given: dict[str, Any], token: Any) -> dict[str, Any]:
    """Open a connection to `host:port`."""
    host, _, port = given["value"].rpartition(":")
    with socket.create_connection((host, int(port)), timeout=2):
        return text("connected")


def write(id_: Any, given: dict[str, Any], token: Any) -> dict[str, Any]:
    """Write to a file."""
    Path(given["value"]).write_text("written")
    return text("written")


def grow(id_: Any, given: dict[str, Any], token: Any) -> dict[str, Any]:
    """Offer one more tool, and say so."""
    GROWN.append("grown")
    tell("notifications/tools/list_changed")
    return text("grown")


def mutter(id_: Any, given: dict[str, Any], token: Any) -> dict[str, Any]:
    """Fill the standard error."""
    for _ in range(int(given["number"])):
        sys.stderr.write("mutter " * 20 + "\n")
    sys.stderr.flush()
    return text("muttered")


def bear(id_: Any, given: dict[str, Any], token: Any) -> None:
    """Leave a process behind, which holds the standard output."""
    subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    os._exit(4)


def refuse(id_: Any, given: dict[str, Any], token: Any) -> dict[str, Any]:
    """Fail as a protocol error."""
    raise ValueError("refused")


PIXEL = {"type": "image", "data": "iVBORw0KGgo=", "mimeType": "image/png"}
TOOLS: dict[str, Call] = {
    "echo": lambda id_, given, token: text(given.get("value", "")),
    "add": lambda id_, given, token: text(str(given["a"] + given["b"])),
    "environment": environment,
    "pid": lambda id_, given, token: text(str(os.getpid())),
    "hang": hang,
    "die": die,
    "twice": twice,
    "noise": noise,
    "flood": flood,
    "big": lambda id_, given, token: text("x" * int(given["number"])),
    "slow": slow,
    "steps": steps,
    "ask": ask,
    "read": lambda id_, given, token: text(Path(given["value"]).read_text()),
    "write": write,
    "connect": connect,
    "grow": grow,
    "wrong": lambda id_, given, token: text("no number", structuredContent={"n": "seven"}),
    "fail": lambda id_, given, token: text("it is broken", isError=True),
    "cancelled": lambda id_, given, token: text(json.dumps(CANCELLED)),
    "mutter": mutter,
    "nonsense": lambda id_, given, token: {"content": "no list"},
    "bear": bear,
    "image": lambda id_, given, token: {"content": [PIXEL]},
    "refuse": refuse,
}


def tools() -> list[dict[str, Any]]:
    """What is listed now."""
    integers = {"a": {"type": "integer"}, "b": {"type": "integer"}}
    found = {name: tool(name) for name in (*TOOLS, *GROWN)}
    found["add"]["inputSchema"] = {
        "type": "object",
        "properties": integers,
        "required": ["a", "b"],
    }
    found["echo"]["annotations"] = {"readOnlyHint": True, "title": "Echo"}
    wanted = {"type": "object", "properties": {"n": {"type": "integer"}}, "required": ["n"]}
    found["wrong"]["outputSchema"] = wanted
    listed = list(found.values())
    if "broken-schema" in FAULTS:
        for name, schema in (("broken", {"type": "strin"}), ("lost", {"$ref": "#/x"})):
            broken = {"type": "object", "properties": {"a": schema}}
            listed.append(tool(name, inputSchema=broken))
    if "no-schema" in FAULTS:
        listed.append({"name": "bare"})
    return listed


def answer(message: dict[str, Any]) -> None:
    """Answer one request."""
    id_, method = message["id"], message["method"]
    respond = METHODS.get(method)
    if respond is None:
        send({"id": id_, "error": {"code": -32601, "message": f"no {method}"}})
        return
    try:
        result = respond(id_, message.get("params") or {})
    except Exception as error:  # noqa: BLE001 -- whatever a tool raises is answered
        send({"id": id_, "error": {"code": -32603, "message": f"{type(error).__name__}: {error}"}})
    else:
        if result is not None:
            send({"id": id_, "result": result})


def initialize(id_: Any, params: dict[str, Any]) -> dict[str, Any]:
    """Agree on a revision, and say what there is."""
    older = "2025-06-18" if "older" in FAULTS else params["protocolVersion"]
    names = ("prompts", "resources", "completions", "logging")
    return {
        "protocolVersion": older,
        "capabilities": {"tools": {"listChanged": True}, **{name: {} for name in names}},
        "serverInfo": {"name": "raw", "version": "2.0.1"},
        "instructions": "Be kind.",
    }


def list_tools(id_: Any, params: dict[str, Any]) -> dict[str, Any]:
    """One page, or one of many without an end."""
    if "endless" in FAULTS:
        return {"tools": [], "nextCursor": str(time.monotonic_ns())}
    return {"tools": tools()}


def call_tool(id_: Any, params: dict[str, Any]) -> dict[str, Any] | None:
    """Do what the tool does."""
    token = (params.get("_meta") or {}).get("progressToken")
    return TOOLS[params["name"]](id_, params.get("arguments") or {}, token)


def get_prompt(id_: Any, params: dict[str, Any]) -> dict[str, Any]:
    """The one prompt there is."""
    words = f"A poem of {params['arguments']['topic']}"
    return {"messages": [{"role": "user", "content": {"type": "text", "text": words}}]}


def read_resource(id_: Any, params: dict[str, Any]) -> dict[str, Any]:
    """The one resource there is."""
    if params["uri"] != "note://one":
        raise LookupError("no such note")
    return {"contents": [{"uri": params["uri"], "text": "The first note."}]}


def complete(id_: Any, params: dict[str, Any]) -> dict[str, Any]:
    """What begins as asked."""
    start = params["argument"]["value"]
    values = [value for value in ("rain", "river") if value.startswith(start)]
    return {"completion": {"values": values}}


POEM = {
    "name": "poem",
    "description": "A poem.",
    "arguments": [{"name": "topic", "required": True}],
}
NOTE = {"uri": "note://one", "name": "one", "mimeType": "text/plain"}
METHODS: dict[str, Callable[[Any, dict[str, Any]], dict[str, Any] | None]] = {
    "initialize": initialize,
    "ping": lambda id_, params: {},
    "tools/list": list_tools,
    "tools/call": call_tool,
    "prompts/list": lambda id_, params: {"prompts": [POEM]},
    "prompts/get": get_prompt,
    "resources/list": lambda id_, params: {"resources": [NOTE]},
    "resources/templates/list": lambda id_, params: {
        "resourceTemplates": [{"uriTemplate": "note://{name}", "name": "notes"}]
    },
    "resources/read": read_resource,
    "completion/complete": complete,
}


def hear(message: dict[str, Any]) -> None:
    """Deal with one message."""
    params = message.get("params") or {}
    if message.get("method") == "notifications/cancelled":
        CANCELLED.append(params.get("requestId"))
    elif "method" not in message:
        ANSWERS[message["id"]] = message
    elif "id" in message and (params.get("arguments") or {}).get("value") == "all":
        answer(message)  # on the main thread: nothing else is read meanwhile
    elif "id" in message:
        threading.Thread(target=answer, args=(message,), daemon=True).start()


def main() -> None:
    """Read messages until the input is closed."""
    if "crash" in FAULTS:
        print("cannot start: no luck", file=sys.stderr, flush=True)
        sys.exit(7)
    if "noisy" in FAULTS:
        print("Welcome to this server!", flush=True)
    if "huge" in FAULTS:
        sys.stdout.write("x" * 3_000_000)
        sys.stdout.flush()
        time.sleep(3600)
    for line in sys.stdin:
        if "silent" not in FAULTS:
            hear(json.loads(line))
    if "stubborn" in FAULTS:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        time.sleep(3600)


if __name__ == "__main__":
    main()
