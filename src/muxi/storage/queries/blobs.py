"""Blobs: what is known of bytes that lie outside the rows, and who uses them."""

from __future__ import annotations

from sqlalchemy import delete, exists, func, or_, select
from sqlalchemy.dialects import postgresql, sqlite

from muxi.storage.queries.terms import PRINCIPAL, given, mine, values, visible
from muxi.storage.schema import blob_uses, blobs

ADD = {
    "sqlite": sqlite.insert(blobs).values(values(blobs)).on_conflict_do_nothing(),
    "postgresql": postgresql.insert(blobs).values(values(blobs)).on_conflict_do_nothing(),
}
USE = {
    "sqlite": sqlite.insert(blob_uses).values(values(blob_uses)).on_conflict_do_nothing(),
    "postgresql": postgresql.insert(blob_uses).values(values(blob_uses)).on_conflict_do_nothing(),
}
GET = select(blobs.c.size, blobs.c.media_type).where(
    mine(blobs),
    blobs.c.hash == given("hash"),
    # To know a hash is not to have been shown the bytes: some thread that uses them must be seen.
    or_(
        PRINCIPAL.is_(None),
        exists(
            select(blob_uses.c.hash).where(
                mine(blob_uses), blob_uses.c.hash == given("hash"), visible(blob_uses.c.holder)
            )
        ),
    ),
)
COUNT = select(func.count()).where(mine(blob_uses), blob_uses.c.hash == given("hash"))
DROP_USES = delete(blob_uses).where(mine(blob_uses), blob_uses.c.holder == given("holder"))
DROP_UNUSED = (
    delete(blobs)
    .where(
        mine(blobs),
        ~exists(select(blob_uses.c.hash).where(mine(blob_uses), blob_uses.c.hash == blobs.c.hash)),
    )
    .returning(blobs.c.hash)
)
HASHES = select(blobs.c.hash).where(mine(blobs))
