"""Talks on the stream that is for messages."""

from __future__ import annotations

from good import Server


class Bad(Server):
    def serve(self) -> None:
        print("Listening for numbers…", flush=True)
        super().serve()


if __name__ == "__main__":
    Bad().serve()
