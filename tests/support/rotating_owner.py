"""A process that owns a project, stores secrets, and changes its master key until it is killed."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from muxi.config.project import Project
from muxi.core.scope import Scope
from muxi.runtime.build import open_runtime

SECRETS = 3_000


async def main(folder: Path) -> None:
    runtime = await open_runtime(Project(folder=folder))
    ann = Scope("default", "ann")
    await asyncio.gather(
        *(runtime.secrets.put(f"KEY_{n}", f"value {n}") for n in range(SECRETS - 1)),
        runtime.sealed.put(ann, "OWN", "ann's own", owner="user:ann"),
    )
    print("stored", flush=True)
    while True:
        await runtime.sealed.rotate()
        print("rotated", flush=True)


asyncio.run(main(Path(sys.argv[1])))
