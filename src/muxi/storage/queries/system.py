"""What the store asks about itself: its version, and which tenants there are."""

from __future__ import annotations

from sqlalchemy import select

from muxi.storage.schema import schema_info, tenants

INFO = select(schema_info.c.version, schema_info.c.oldest_program).order_by(
    schema_info.c.version.desc()
)
TENANTS = select(tenants.c.tenant).order_by(tenants.c.tenant)
