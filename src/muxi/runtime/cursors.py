"""Texts that stand for a place in a list, for doors that give lists in parts themselves."""

from __future__ import annotations

from muxi.storage.records import cursor, place

__all__ = ["cursor", "place"]
