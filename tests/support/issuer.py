"""An OpenID provider for tests, over real HTTP: whoever comes to its page has signed in.

What a test needs to go wrong can be set: its keys, what it signs, what it says of itself, whether
it answers at all.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import time
from base64 import b64decode, urlsafe_b64encode
from collections import defaultdict
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import parse_qs, unquote_plus, urlencode, urlsplit

import jwt
from aiohttp import ClientSession, web
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, rsa
from cryptography.hazmat.primitives.asymmetric.types import PrivateKeyTypes
from jwt.algorithms import ECAlgorithm, OKPAlgorithm, RSAAlgorithm

CLIENT = ("muxi", "s3cret: with %/+ signs")


class SigningKey:
    """A key with a name."""

    def __init__(self, kid: str, algorithm: str = "ES256") -> None:
        self.kid = kid
        self.algorithm = algorithm
        self.private: Any = _made(algorithm)

    @property
    def public(self) -> dict[str, Any]:
        """As a key set writes it."""
        makers: dict[str, Any] = {"RS": RSAAlgorithm, "PS": RSAAlgorithm, "ES": ECAlgorithm}
        maker = makers.get(self.algorithm[:2], OKPAlgorithm)
        shown: dict[str, Any] = maker.to_jwk(self.private.public_key(), as_dict=True)
        return {**shown, "kid": self.kid, "use": "sig", "alg": self.algorithm}

    def sign(self, claims: dict[str, Any], **header: Any) -> str:
        """A token of these claims."""
        given = {"kid": self.kid, **header}
        headers = {name: value for name, value in given.items() if value is not None}
        return jwt.encode(claims, self.private, algorithm=self.algorithm, headers=headers)


def _made(algorithm: str) -> PrivateKeyTypes:
    if algorithm.startswith(("RS", "PS")):
        return rsa.generate_private_key(public_exponent=65537, key_size=2048)
    if algorithm == "EdDSA":
        return ed25519.Ed25519PrivateKey.generate()
    return ec.generate_private_key(ec.SECP256R1())


class Issuer:
    """The provider, and what it has been asked."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.keys = [SigningKey("first")]
        self.away = False
        """Whether it answers nothing but 503."""
        self.broken: set[str] = set()
        """Paths at which it answers nothing but 503."""
        self.held: dict[str, asyncio.Event] = {}
        """Paths at which it answers only after somebody has let it."""
        self.asked: dict[str, asyncio.Event] = defaultdict(asyncio.Event)
        """Is set when a path is asked for."""
        self.says: dict[str, Any] = {}
        """What its discovery document says otherwise than it is."""
        self.key_headers: dict[str, str] = {}
        self.user: dict[str, Any] = {"sub": "u-1", "preferred_username": "ana"}
        self.id_claims: dict[str, Any] = {}
        """What its ID tokens say otherwise."""
        self.info: dict[str, Any] = {}
        """What its info about the user says otherwise."""
        self.answer: dict[str, str] = {}
        """What browsers come back with otherwise."""
        self.refuses: str | None = None
        """The error with which it refuses tokens."""
        self.fetches: list[str] = []
        self.codes: dict[str, dict[str, str]] = {}
        self.refresh: dict[str, dict[str, str]] = {}
        self.revoked: list[str] = []
        self._number = 0

    def token(self, **claims: Any) -> str:
        """A token for the audience `muxi`, of the first key, good for five minutes."""
        return self.keys[0].sign(self.claims(**claims))

    def claims(self, **claims: Any) -> dict[str, Any]:
        """What a token says; a claim that is None is left out."""
        now = int(time.time())
        every = {
            "iss": self.url,
            "sub": "robot-7",
            "aud": "muxi",
            "iat": now,
            "exp": now + 300,
            **claims,
        }
        return {name: value for name, value in every.items() if value is not None}

    async def sign_in(self, page: str) -> dict[str, str]:
        """A browser that opens `page` and signs in: the parameters that it comes back with."""
        async with ClientSession() as browser, browser.get(page, allow_redirects=False) as response:
            assert response.status == 302, await response.text()
            query = parse_qs(urlsplit(response.headers["Location"]).query)
        return {name: values[0] for name, values in query.items()}

    def _metadata(self) -> dict[str, Any]:
        return {
            "issuer": self.url,
            "authorization_endpoint": f"{self.url}/authorize",
            "token_endpoint": f"{self.url}/token",
            "userinfo_endpoint": f"{self.url}/me",
            "jwks_uri": f"{self.url}/keys",
            "end_session_endpoint": f"{self.url}/out",
            "revocation_endpoint": f"{self.url}/revoke",
            "code_challenge_methods_supported": ["S256"],
            "authorization_response_iss_parameter_supported": True,
        } | self.says

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        self.fetches.append(request.path)
        self.asked[request.path].set()
        if request.path in self.held:
            await self.held[request.path].wait()
        if self.away or request.path in self.broken:
            return web.json_response({"error": "temporarily_unavailable"}, status=503)
        if request.path == "/.well-known/openid-configuration":
            return web.json_response(self._metadata())
        if request.path == "/keys":
            keys = {"keys": [key.public for key in self.keys]}
            return web.json_response(keys, headers=self.key_headers)
        if request.path == "/authorize":
            return self._authorize(dict(request.query))
        if request.path == "/me":
            return web.json_response({**self.user, **self.info})
        form = {name: str(value) for name, value in (await request.post()).items()}
        if request.path == "/revoke":
            self.revoked.append(form["token"])
            return web.Response()
        if request.path == "/token":
            return self._token(form, request.headers.get("Authorization", ""))
        return web.json_response({"error": "not_found"}, status=404)

    def _authorize(self, query: dict[str, str]) -> web.StreamResponse:
        self._number += 1
        code = f"code-{self._number}"
        self.codes[code] = query
        back = {"code": code, "state": query["state"], "iss": self.url} | self.answer
        raise web.HTTPFound(f"{query['redirect_uri']}?{urlencode(back)}")

    def _token(self, form: dict[str, str], authorization: str) -> web.StreamResponse:
        pair = b64decode(authorization.removeprefix("Basic ")).decode().split(":")
        if tuple(map(unquote_plus, pair)) != CLIENT:
            return web.json_response({"error": "invalid_client"}, status=401)
        asked = self._asked(form)
        if asked is None or self.refuses is not None:
            return web.json_response({"error": self.refuses or "invalid_grant"}, status=400)
        self._number += 1
        access, refresh = f"access-{self._number}", f"refresh-{self._number}"
        self.refresh[refresh] = asked
        digest = hashlib.sha256(access.encode()).digest()[:16]
        extra: dict[str, Any] = {
            "sub": self.user["sub"],
            "nonce": asked.get("nonce"),
            "at_hash": urlsafe_b64encode(digest).decode().rstrip("="),
        }
        claims = self.claims(**(extra | self.id_claims))
        return web.json_response(
            {
                "access_token": access,
                "token_type": "Bearer",
                "expires_in": 300,
                "refresh_token": refresh,
                "id_token": self.keys[0].sign(claims),
            }
        )

    def _asked(self, form: dict[str, str]) -> dict[str, str] | None:
        """The sign-in that a code or a refresh token stands for; each is good once."""
        if form["grant_type"] == "refresh_token":
            return self.refresh.pop(form["refresh_token"], None)
        asked = self.codes.pop(form["code"], None)
        digest = hashlib.sha256(form["code_verifier"].encode()).digest()
        challenge = urlsafe_b64encode(digest).decode().rstrip("=")
        good = asked is not None and asked["code_challenge"] == challenge
        return asked if good and asked["redirect_uri"] == form["redirect_uri"] else None


@asynccontextmanager
async def issuing() -> AsyncGenerator[Issuer]:
    """A provider that answers while the block runs."""
    holder: list[Issuer] = []

    async def serve(request: web.Request) -> web.StreamResponse:
        return await holder[0]._serve(request)

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", serve)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    holder.append(Issuer(f"http://127.0.0.1:{runner.addresses[0][1]}"))
    try:
        yield holder[0]
    finally:
        await runner.cleanup()


def forged(token: str, *, header: dict[str, Any], signature: str | None = None) -> str:
    """`token` under another header, with its own signature or this one."""
    _, payload, signed = token.split(".")
    text = urlsafe_b64encode(json.dumps(header).encode()).decode().rstrip("=")
    return f"{text}.{payload}.{signed if signature is None else signature}"
