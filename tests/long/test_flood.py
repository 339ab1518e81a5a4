"""A hundred thousand connections in a minute from one address, and nobody else is kept out."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from muxi.cli.bench import provider as scripted
from muxi.cli.bench.flood import flooded
from muxi.cli.bench.processes import Server
from muxi.cli.bench.talks import MUXI
from muxi.server.descriptors import raise_limit

from .node import node, script
from .sizes import Size, sized

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="it reads /proc")

_MOST_MIB = 200
"""What thousands of connections at once may take of memory."""


@sized("MUXI_LONG_CONNECTIONS", quick=1_500, long=100_000)
async def test_a_flood_from_one_address_keeps_nobody_out_and_leaves_nothing_behind(
    size: Size, tmp_path: Path, record_property: Callable[[str, Any], None]
) -> None:
    raise_limit()
    async with (
        script(Path(scripted.__file__)) as provider,
        node(tmp_path / "node", f"{provider}/8/0") as living,
    ):
        server = Server(pid=living.pid, port=living.port, talk=MUXI, token=living.token)
        found = await flooded(server, size.count, agent="talker")
    for name, value in found.items():
        record_property(name, round(value, 1))
    assert found["failed"] == 0
    assert found["turns of others"] > 0
    assert found["answered"] > 0
    assert found["descriptors more after"] == 0
    assert found["rss MiB more at most"] < _MOST_MIB
