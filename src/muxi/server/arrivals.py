"""Connections that have not said yet what they want: how many, and how long they may keep silent.

Kept by `corked` for every connection. What comes later is a request, which has its own limits.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable
from functools import lru_cache
from typing import Final

PATIENCE: Final = 10.0
"""Seconds in which the head of a request comes, once its connection is made or it has begun."""

LARGEST_HEAD: Final = 64 * 1024
"""Bytes of the head of a request."""


class Arrivals:
    """Counts silent connections by the address that they come from.

    Args:
        most: How many of one address may wait.
        proxies: Addresses and networks that are not counted.
    """

    def __init__(self, most: int, proxies: Iterable[str] = ()) -> None:
        self.most = most
        self._proxies = [ipaddress.ip_network(each, strict=False) for each in proxies]
        self._waiting: dict[str, int] = {}
        self._is_proxy = lru_cache(maxsize=1024)(self._look_up)

    def come(self, host: str) -> bool:
        """Whether one more connection may wait there, which then counts."""
        count = self._waiting.get(host, 0)
        if count >= self.most and not self._is_proxy(host):
            return False
        self._waiting[host] = count + 1
        return True

    def leave(self, host: str) -> None:
        """One of them has said what it wants, or is gone."""
        count = self._waiting.get(host, 0) - 1
        if count > 0:
            self._waiting[host] = count
        else:
            self._waiting.pop(host, None)

    def _look_up(self, host: str) -> bool:
        try:
            address = ipaddress.ip_address(host)
        except ValueError:
            return False
        return any(address in network for network in self._proxies)
