"""Who asks: the scope in which every service of the runtime works. Made by the doors.

Until users exist there is one, the person at this machine.
"""

from __future__ import annotations

from muxi.storage.transaction import Scope

Principal = Scope
"""Tenant and user. A service shows and changes only what this scope may see."""

LOCAL = Scope(tenant="default", principal="local")
