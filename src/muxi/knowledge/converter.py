"""The converting process: reads documents that nobody vouches for, and writes their blocks.

Run by `conversion` as `python -P -m muxi.knowledge.converter BYTES`. It bounds its own memory and
processor time, has no secrets, writes no file, and is killed when it does not end.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Iterator
from contextlib import suppress
from importlib import import_module
from typing import BinaryIO

import msgspec

from muxi.knowledge.blocks import Block, End, Failure, Task, UnreadableDocument

_encoder = msgspec.json.Encoder()


def main() -> None:
    """Read tasks, one a line, until there are no more; answer each with lines."""
    tasks, answers = sys.stdin.buffer, _own_output()
    _bound(int(sys.argv[1]))
    for line in tasks:
        task = msgspec.json.decode(line, type=Task)
        _bound_time(task.seconds)
        for answer in _converted(task):
            answers.write(_encoder.encode(answer))
            answers.write(b"\n")
        answers.flush()


def _converted(task: Task) -> Iterator[Block | End | Failure]:
    pages: int | None = None
    try:
        reader = import_module(f"muxi.knowledge.readers.{task.reader}")
        for block in reader.read(task):
            pages = max(pages or 0, block.page) if block.page is not None else pages
            yield block
    except UnreadableDocument as error:
        yield Failure(error.message, error.hint)
    except MemoryError:
        yield Failure("The document needs more memory than it may have.")
    except RecursionError:
        yield Failure("The document is nested too deeply.")
    except Exception as error:  # noqa: BLE001 -- the boundary of this process: what a library raises on a broken file is of any kind
        yield Failure(f"The document is broken: {type(error).__name__}: {str(error)[:200]}")
    else:
        yield End(pages)


def _own_output() -> BinaryIO:
    """Standard output for answers alone: what a library prints goes nowhere."""
    own = os.fdopen(os.dup(1), "wb")
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.dup2(nowhere, 2)
    logging.disable()
    return own


def _bound(memory: int) -> None:
    with suppress(ImportError):  # Windows has no such bounds; time and output are bounded outside
        import resource

        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
        with suppress(ValueError, OSError):  # macOS refuses this one
            resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
        os.nice(10)


def _bound_time(seconds: int) -> None:
    with suppress(ImportError):
        import resource

        used = resource.getrusage(resource.RUSAGE_SELF)
        soft = int(used.ru_utime + used.ru_stime) + seconds + 1
        resource.setrlimit(resource.RLIMIT_CPU, (soft, resource.RLIM_INFINITY))


if __name__ == "__main__":
    main()
