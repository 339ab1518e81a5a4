"""Agents on agno's AgentOS with a SQLite file. Run in a Python that has agno[os,openai].

PYTHON agno_server.py PORT FOLDER NAME=BASE_URL…
"""
# pyright: basic, reportMissingImports=false

from __future__ import annotations

import os
import sys
from pathlib import Path

os.environ["AGNO_TELEMETRY"] = "false"

import uvicorn
from agno.agent import Agent
from agno.db.sqlite import SqliteDb
from agno.models.openai.like import OpenAILike
from agno.os import AgentOS


def main() -> None:
    """Serve until the process is ended."""
    port, folder, *agents = sys.argv[1:]
    database = SqliteDb(db_file=str(Path(folder) / "agno.db"))
    made = [
        Agent(
            id=name,
            name=name,
            model=OpenAILike(id="m", base_url=url, api_key="none"),
            db=database,
            telemetry=False,
        )
        for name, url in (each.split("=", 1) for each in agents)
    ]
    app = AgentOS(agents=made, telemetry=False).get_app()
    uvicorn.run(app, host="127.0.0.1", port=int(port), access_log=False, log_level="warning")


if __name__ == "__main__":
    main()
