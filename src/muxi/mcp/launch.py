"""How a local server is started: which program, with which variables, and what it may touch.

Made by `servers` from what the project declares, used by `process`. It starts nothing itself.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from muxi.core.errors import ConfigError

INHERITED: Final = (
    "PATH", "HOME", "USER", "LOGNAME", "SHELL", "TERM", "TMPDIR", "TZ",
    "LANG", "LC_ALL", "LC_CTYPE",
    # Proxies and the certificates of a company's network.
    "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "http_proxy", "https_proxy", "no_proxy",
    "SSL_CERT_FILE", "SSL_CERT_DIR", "NODE_EXTRA_CA_CERTS",
    # Without these no program starts on Windows.
    "APPDATA", "COMSPEC", "HOMEDRIVE", "HOMEPATH", "LOCALAPPDATA", "PATHEXT", "PROGRAMFILES",
    "SYSTEMDRIVE", "SYSTEMROOT", "TEMP", "TMP", "USERNAME", "USERPROFILE", "WINDIR",
)  # fmt: skip
"""What every server is given of muxi's own environment. Keys and tokens are not among it."""


@dataclass(frozen=True, slots=True)
class Launch:
    """Everything that it takes to start one server."""

    command: tuple[str, ...]
    environment: Mapping[str, str] = field(repr=False)
    cwd: Path
    program: str
    """What to call it in messages."""
    notes: tuple[str, ...] = ()
    """What of its permissions this machine cannot enforce."""


def environment(
    declared: Mapping[str, str],
    *,
    own: Mapping[str, str],
    path: str | None = None,
    home: Path | None = None,
) -> dict[str, str]:
    """The variables of a server: few of our `own`, and those that the project declares.

    Args:
        declared: What the project gives to this server.
        own: The environment of this process.
        path: Folders whose programs come first, written as in `PATH`.
        home: The folder that the server may call its home, and keep its caches in.
    """
    variables = {name: own[name] for name in INHERITED if name in own}
    if home is not None:
        variables |= {"HOME": str(home), "TMPDIR": str(home / "tmp")}
        for name in ("XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME"):
            variables.pop(name, None)
    if path is not None:
        variables["PATH"] = os.pathsep.join(filter(None, (path, variables.get("PATH"))))
    # Servers in Python would keep what they say in a buffer, or bytecode in foreign folders.
    variables |= {"PYTHONUNBUFFERED": "1", "PYTHONIOENCODING": "utf-8"}
    return {**variables, **declared}


def find_program(name: str, *, path: str | None, cwd: Path) -> Path:
    """The file of a program: by its path from `cwd`, or by its name in `path`.

    Raises:
        ConfigError: There is none.
    """
    found = shutil.which(str(cwd / name) if os.sep in name else name, path=path)
    if found is None:
        hint = "Install it, or name it by its path."
        if name in ("uvx", "uv"):
            hint = "Install uv (https://docs.astral.sh/uv), or use `packages` in muxi.yaml."
        if name in ("npx", "node"):
            hint = "Install Node.js 20 or newer."
        raise ConfigError(f"There is no program {name}.", hint=hint)
    return Path(found)
