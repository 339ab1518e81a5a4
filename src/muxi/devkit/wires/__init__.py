"""Ways to a server: its standard streams, HTTP, or this process. Used by `devkit.connect`.

They carry raw messages, so that what a server really says can be judged; nothing here knows what a
message means.
"""

from __future__ import annotations
