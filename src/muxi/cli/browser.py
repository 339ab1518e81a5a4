"""Opens a page in the browser of whoever sits here. Called by `up` and `open`."""

from __future__ import annotations

import os
import sys

from muxi.cli import output


def desktop_is_here() -> bool:
    """Whether a person at this terminal would see a browser that is opened on this machine."""
    if not output.is_terminal(sys.stdout) or os.environ.get("SSH_CONNECTION"):
        return False
    if sys.platform in ("darwin", "win32"):
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))


def open_page(url: str) -> bool:
    """Open `url`; False if no browser could be started."""
    import webbrowser

    try:
        return webbrowser.open(url)
    except webbrowser.Error:
        return False
