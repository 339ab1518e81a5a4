"""Stays when its client has gone."""

from __future__ import annotations

import time

from good import Server


class Bad(Server):
    def serve(self) -> None:
        super().serve()
        time.sleep(60)


if __name__ == "__main__":
    Bad().serve()
