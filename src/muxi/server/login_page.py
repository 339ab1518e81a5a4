"""The page on which people sign in: one piece of HTML without scripts. Called by `pages`.

It is what a browser without a session sees at every address, so it tells nothing of the project.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from typing import Final
from urllib.parse import quote

from starlette.responses import HTMLResponse, Response

_STYLE: Final = """
:root{color-scheme:light dark;--ink:#1d2420;--soft:#626b65;--line:#d5d0c3;--back:#fbfaf7;
--card:#fff;--mark:#2f6b57;--on:#fff;--bad:#b3402f}
@media(prefers-color-scheme:dark){:root{--ink:#e7eae5;--soft:#9ba69f;--line:#38413c;
--back:#151917;--card:#1c211e;--mark:#76c3a3;--on:#10211a;--bad:#e58473}}
*{box-sizing:border-box}body{margin:0;min-height:100vh;display:grid;place-items:center;
background:var(--back);color:var(--ink);font:16px/1.5 system-ui,sans-serif}
main{width:min(24rem,92vw);padding:2rem;background:var(--card);border:1px solid var(--line);
border-radius:12px}svg{display:block;width:2.2rem;margin:0 0 .8rem}
h1{margin:0 0 1.25rem;font-size:1.35rem}label{display:block;margin:0 0 1rem;
color:var(--soft);font-size:.9rem}input{display:block;width:100%;margin-top:.3rem;padding:.6rem;
font:inherit;color:inherit;background:transparent;border:1px solid var(--line);border-radius:8px}
button,.way{display:block;width:100%;margin-top:.5rem;padding:.65rem;font:inherit;text-align:center;
border-radius:8px;border:1px solid var(--line);color:inherit;text-decoration:none;cursor:pointer}
button{background:var(--mark);border-color:var(--mark);color:var(--on)}
input:focus-visible,button:focus-visible,.way:focus-visible{outline:3px solid var(--mark);
outline-offset:2px}p{margin:1rem 0 0;color:var(--soft);font-size:.9rem}.bad{color:var(--bad);
margin:0 0 1rem}
""".strip()
_POLICY: Final = "; ".join(
    (
        "default-src 'none'",
        f"style-src 'sha256-{base64.b64encode(hashlib.sha256(_STYLE.encode()).digest()).decode()}'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)
_PAGE: Final = """<!doctype html>
<html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width,initial-scale=1">
<title>Sign in to muxi</title><style>{style}</style></head>
<body><main>{mark}<h1>Sign in to muxi</h1>{wrong}{form}{ways}
<p>{hint}</p></main></body></html>
"""
_MARK: Final = """<svg viewBox="0 0 32 32" aria-hidden="true"><g fill="#d8922c">
<ellipse cx="16" cy="8.6" rx="5.2" ry="6.4"/><ellipse cx="16" cy="23.4" rx="5.2" ry="6.4"/>
<ellipse cx="8.6" cy="16" rx="6.4" ry="5.2"/><ellipse cx="23.4" cy="16" rx="6.4" ry="5.2"/></g>
<circle cx="16" cy="16" r="3.4" fill="#2f6b57"/></svg>"""
"""The mark of the dashboard."""
_FORM: Final = """<form method="post" action="/login">
<input type="hidden" name="tenant" value="{tenant}">
<label>Name or e-mail address
<input name="name" value="{name}" autocomplete="username" autocapitalize="none" required autofocus>
</label>
<label>Password
<input name="password" type="password" autocomplete="current-password" required></label>
<button>Sign in</button></form>"""
_HINT: Final = "On the server's machine, <code>muxi open</code> gives a link that signs you in."


@dataclass(frozen=True, slots=True)
class Way:
    """Another way to sign in, such as an identity provider."""

    title: str
    path: str


def login_page(
    *,
    passwords: bool,
    ways: Sequence[Way] = (),
    tenant: str = "",
    name: str = "",
    wrong: str = "",
    status: int = 401,
) -> Response:
    """The page.

    Args:
        passwords: Whether people may sign in with a password.
        ways: Other ways, which it links to.
        tenant: The tenant to sign in to; empty for the project's own.
        name: What was typed before.
        wrong: What was wrong with that.
        status: Of the answer.
    """
    form = _FORM.format(tenant=escape(tenant), name=escape(name)) if passwords else ""
    links = "".join(
        f'<a class="way" href="{escape(quote(way.path, safe="/?=&%"))}">{escape(way.title)}</a>'
        for way in ways
    )
    warned = f'<p class="bad" role="alert">{escape(wrong)}</p>' if wrong else ""
    page = _PAGE.format(style=_STYLE, mark=_MARK, wrong=warned, form=form, ways=links, hint=_HINT)
    headers = {"cache-control": "no-store", "content-security-policy": _POLICY}
    return HTMLResponse(page, status, headers)
