"""The same turn on agno's AgentOS, the fastest framework of this field with a server that stores.

    PYTHON_WITH_AGNO benchmarks/agno_server.py UPSTREAM PORT DATABASE

Defaults everywhere, but for telemetry and access logs, which are off. Run by `server.py --agno`.
"""

from __future__ import annotations

import os
import sys

os.environ["AGNO_TELEMETRY"] = "false"

import uvicorn
from agno.agent import Agent
from agno.db.sqlite import SqliteDb
from agno.models.openai.like import OpenAILike
from agno.os import AgentOS

UPSTREAM, PORT, DATABASE = sys.argv[1], int(sys.argv[2]), sys.argv[3]

agent = Agent(
    id="assistant",
    name="assistant",
    model=OpenAILike(id="fake", base_url=UPSTREAM, api_key="none"),
    instructions="You are a helpful assistant.",
    db=SqliteDb(db_file=DATABASE),
    telemetry=False,
)
app = AgentOS(agents=[agent], telemetry=False).get_app()

if __name__ == "__main__":
    uvicorn.run(app, host="127.0.0.1", port=PORT, access_log=False, log_level="warning")
