"""`python -m muxi` is the `muxi` command."""

from __future__ import annotations

from muxi.cli.main import main

main()
