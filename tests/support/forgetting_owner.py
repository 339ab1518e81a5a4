"""Forgets a user in a process of its own, to be killed: `python forgetting_owner.py URL FOLDER`.

Prints a line after each piece that is gone, and waits for one before it goes on.
"""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

from muxi.core.forgetting import Forget
from muxi.memory.copies import Copies
from muxi.memory.forgetting import Forgetting
from muxi.storage.blob_files import BlobFiles
from muxi.storage.database import Scope, open_database

URL, FOLDER = sys.argv[1], Path(sys.argv[2])


async def main() -> None:
    database = await open_database(URL)
    copies = Copies(FOLDER / "muxi.db", FOLDER / "snapshots") if URL.startswith("sqlite") else None
    forgetting = Forgetting(database=database, files=BlobFiles(FOLDER / "blobs"), copies=copies)

    def wait(_: str, __: str) -> None:
        print("piece", flush=True)
        sys.stdin.readline()

    forgetting.listeners.append(wait)
    await forgetting.forget(Scope("default", "ann-7731"), "user:ann-7731", Forget(everything=True))
    print("whole", flush=True)
    await database.close()


asyncio.run(main())
