"""Servers that tools speak to."""

from __future__ import annotations

from support.mariadb import mariadb

__all__ = ["mariadb"]
