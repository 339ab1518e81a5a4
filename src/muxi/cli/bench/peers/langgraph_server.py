"""Agents on `langgraph dev`. Run in a Python that has langgraph-cli[inmem], langchain and
langchain-openai.

PYTHON langgraph_server.py PORT FOLDER NAME=BASE_URL…
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

_GRAPHS = """\
from langchain.agents import create_agent
from langchain_openai import ChatOpenAI

"""
_GRAPH = (
    '{name} = create_agent(ChatOpenAI(model="m", base_url={url!r}, api_key="none"), tools=[])\n'
)


def main() -> None:
    """Write the project and become its server."""
    port, folder, *agents = sys.argv[1:]
    named = dict(each.split("=", 1) for each in agents)
    graphs = "".join(_GRAPH.format(name=name, url=url) for name, url in named.items())
    project = Path(folder)
    project.joinpath("graphs.py").write_text(_GRAPHS + graphs)
    table = {name: f"./graphs.py:{name}" for name in named}
    declared = {"dependencies": ["."], "graphs": table}
    project.joinpath("langgraph.json").write_text(json.dumps(declared))
    os.chdir(project)
    quiet = {"LANGGRAPH_CLI_NO_ANALYTICS": "1", "LANGSMITH_TRACING": "false", "LOG_LEVEL": "ERROR"}
    command = ("-m", "langgraph_cli", "dev", "--no-browser", "--no-reload", "--port", port)
    os.execve(sys.executable, (sys.executable, *command), os.environ | quiet)  # noqa: S606 -- this interpreter


if __name__ == "__main__":
    main()
