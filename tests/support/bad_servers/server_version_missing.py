"""No version, as the SDK leaves it."""

from __future__ import annotations

from typing import ClassVar

from good import Server


class Bad(Server):
    info: ClassVar[dict[str, str]] = {"name": "sums", "title": "Sums", "version": ""}


if __name__ == "__main__":
    Bad().serve()
