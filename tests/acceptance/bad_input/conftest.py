"""Fixtures of the tests of bad input and bad luck."""

from __future__ import annotations

from tests.support.command import muxi
from tests.support.unlucky import provider, unlucky

__all__ = ["muxi", "provider", "unlucky"]
