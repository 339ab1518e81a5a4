"""The static word table keeps nothing of the texts that it has seen."""

from __future__ import annotations

import subprocess
import sys

import pytest

EMBED = """
from pathlib import Path
from muxi.models.embedded.static import StaticEmbedder

def resident():
    return int(Path("/proc/self/status").read_text().split("VmRSS:")[1].split()[0])

def texts(first):
    numbers = range(first, first + 100)
    return [" ".join(f"{word}{number}" for word in range(24)) for number in numbers]

embedder = StaticEmbedder()
for first in range(0, 1_000, 100):
    embedder.vectors(texts(first))
before = resident()
for first in range(1_000, 9_000, 100):
    embedder.vectors(texts(first))
print(resident() - before)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="it reads /proc")
def test_thousands_of_texts_leave_nothing_in_memory() -> None:
    done = subprocess.run([sys.executable, "-c", EMBED], capture_output=True, text=True, check=True)
    assert int(done.stdout) < 4_000, "KiB grew"
