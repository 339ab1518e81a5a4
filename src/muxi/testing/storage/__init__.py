"""What any storage back end of muxi must do, as tests: inherit `StorageConformance` and run pytest.

A back end is a `muxi.storage.transaction.Database`. Give the class a fixture named `database` that
yields an open, empty one, and run it with pytest-asyncio in auto mode:

    class TestMine(StorageConformance):
        @pytest.fixture
        async def database(self):
            database = await open_mine()
            yield database
            await database.close()

muxi's own back ends pass the same class first.
"""

from __future__ import annotations

from muxi.testing.storage.earlier_rows import EarlierRowConformance
from muxi.testing.storage.events import EventConformance
from muxi.testing.storage.journal import JournalConformance
from muxi.testing.storage.leases import LeaseConformance
from muxi.testing.storage.nouns import NounConformance
from muxi.testing.storage.passages import PassageConformance
from muxi.testing.storage.run_lists import RunListConformance
from muxi.testing.storage.summaries import SummaryConformance
from muxi.testing.storage.tenants import TenantConformance
from muxi.testing.storage.units import UnitConformance

__all__ = ["StorageConformance"]


class StorageConformance(
    UnitConformance,
    NounConformance,
    LeaseConformance,
    EventConformance,
    JournalConformance,
    SummaryConformance,
    PassageConformance,
    EarlierRowConformance,
    RunListConformance,
    TenantConformance,
):
    """All that is asked of a back end."""
