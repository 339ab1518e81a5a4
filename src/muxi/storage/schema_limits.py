"""Tables of what is counted for a while: requests of those who have a limit, and guesses of
passwords. Part of `schema`."""

from __future__ import annotations

from sqlalchemy import Table

from muxi.storage.columns import metadata, number, text

# A subject is a digest: what is counted needs no name. None of these is found by anything else
# than its key, so that a count that changes touches no index.
rates = Table(
    "rates",
    metadata,
    text("tenant", key=True),
    text("subject", key=True),
    # By the latest request, and until all of it has come back.
    number("used"),
    number("full_at"),
    sqlite_with_rowid=False,
)

guesses = Table(
    "guesses",
    metadata,
    text("tenant", key=True),
    text("subject", key=True),
    number("failures"),
    number("since"),
    sqlite_with_rowid=False,
)
