"""The tools that muxi brings along. `catalogue` finds them by name; each lives in its own file.

Importing this package imports none of them.
"""

from __future__ import annotations
