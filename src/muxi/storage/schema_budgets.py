"""Tables of budgets, of what was consumed on them, and of what calls under way hold. Part of
`schema`."""

from __future__ import annotations

from sqlalchemy import BigInteger, Column, Index, Table

from muxi.storage.columns import metadata, number, text

budgets = Table(
    "budgets",
    metadata,
    text("tenant", key=True),
    text("name", key=True),
    number("updated_at"),
    text("record"),
    sqlite_with_rowid=False,
)

# What one subject has consumed in one period, whichever budgets bound it.
balances = Table(
    "balances",
    metadata,
    text("tenant", key=True),
    text("subject", key=True),
    text("period", key=True),
    Column("starts_at", BigInteger, primary_key=True, autoincrement=False),
    number("ends_at"),
    number("tokens"),
    number("nano_dollars"),
    number("runs"),
    number("microseconds"),
    Index("ix_balances_end", "tenant", "ends_at"),
    sqlite_with_rowid=False,
)

# What calls under way may consume, where several processes share the balances. They expire, so
# that a process which dies gives back what it held.
reservations = Table(
    "reservations",
    metadata,
    text("tenant", key=True),
    text("id", key=True),
    text("subject", key=True),
    text("period", key=True),
    Column("starts_at", BigInteger, primary_key=True, autoincrement=False),
    number("expires_at"),
    number("tokens"),
    number("nano_dollars"),
    number("microseconds"),
    Index("ix_reservations_balance", "tenant", "subject", "period", "starts_at"),
    Index("ix_reservations_expiry", "tenant", "expires_at"),
    sqlite_with_rowid=False,
)
