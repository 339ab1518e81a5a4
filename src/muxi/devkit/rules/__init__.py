"""The rules that `muxi mcp validate` judges a server by, a file for each thing that they are about.

Each file holds rules and a function `check` that finds what breaks them in an `Evidence`;
`registry` knows them all.
"""

from __future__ import annotations
