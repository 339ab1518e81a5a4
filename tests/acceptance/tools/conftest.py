"""Fixtures of the tests of the toolbox in whole projects."""

from __future__ import annotations

from tests.support.command import muxi
from tests.support.unlucky import provider, unlucky

__all__ = ["muxi", "provider", "unlucky"]
