"""A key service of this machine: `python -m muxi.identity.key_services.local FILE`.

For a project whose folder is copied or backed up while the key must stay elsewhere, and as the
example of an adapter: it speaks what `command` describes. FILE holds keys in hexadecimal, one on a
line; the first wraps, all of them unwrap. It is made, for its owner only, if it does not exist.
"""

from __future__ import annotations

import json
import sys
from base64 import b64decode, b64encode
from pathlib import Path
from typing import Any

from muxi.core.errors import MuxiError, StorageError
from muxi.storage.master_keys import KeyRing, load_file


def answer(line: str, ring: KeyRing) -> dict[str, str]:
    """What is answered to one line. Raises `StorageError` if no key opens what was wrapped."""
    request: dict[str, Any] = json.loads(line)
    about = json.dumps(request.get("context", {}), sort_keys=True).encode()
    if request["operation"] == "wrap":
        wrapped = ring.current.wrap(b64decode(request["key"]), about)
        return {"wrapped": b64encode(wrapped).decode()}
    if request["operation"] == "unwrap":
        return {"key": b64encode(_unwrapped(ring, b64decode(request["wrapped"]), about)).decode()}
    return {"error": f"there is no operation {request['operation']!r}"}


def _unwrapped(ring: KeyRing, wrapped: bytes, about: bytes) -> bytes:
    for key in ring.keys:
        try:
            return key.unwrap(wrapped, about)
        except StorageError:
            continue
    raise StorageError("No key of this file has wrapped this.")


def main() -> int:
    """Answer one line of standard input."""
    if len(sys.argv) != 2:
        sys.stderr.write("usage: python -m muxi.identity.key_services.local FILE\n")
        return 2
    try:
        found = answer(sys.stdin.readline(), load_file(Path(sys.argv[1]).expanduser()))
    except MuxiError as error:
        found = {"error": error.message}
    except (ValueError, LookupError, TypeError, AttributeError):
        found = {"error": "this is no request"}
    sys.stdout.write(json.dumps(found) + "\n")
    return 1 if "error" in found else 0


if __name__ == "__main__":
    sys.exit(main())
