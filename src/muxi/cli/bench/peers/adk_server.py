"""Agents on google-adk's API server with a SQLite file. Run in a Python that has google-adk,
litellm, aiosqlite, greenlet and mcp.

PYTHON adk_server.py PORT FOLDER NAME=BASE_URL…
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

_AGENT = """\
from google.adk.agents import LlmAgent
from google.adk.models.lite_llm import LiteLlm

model = LiteLlm(model="openai/m", api_base={url!r}, api_key="none")
root_agent = LlmAgent(name={name!r}, model=model)
"""


def main() -> None:
    """Write the project and become its server."""
    port, folder, *agents = sys.argv[1:]
    project = Path(folder)
    for name, url in (each.split("=", 1) for each in agents):
        package = project / "agents" / name
        package.mkdir(parents=True)
        package.joinpath("__init__.py").write_text("from . import agent\n")
        package.joinpath("agent.py").write_text(_AGENT.format(name=name, url=url))
    store = f"sqlite+aiosqlite:///{project / 'adk.db'}"
    options = ("--port", port, "--session_service_uri", store, "--auto_create_session")
    command = ("-m", "google.adk.cli", "api_server", *options, "--log_level", "error", "agents")
    os.chdir(project)
    # Which model costs what is in the package too; else it is fetched from its makers.
    quiet = {"LITELLM_LOCAL_MODEL_COST_MAP": "True"}
    os.execve(sys.executable, (sys.executable, *command), os.environ | quiet)  # noqa: S606 -- this interpreter


if __name__ == "__main__":
    main()
