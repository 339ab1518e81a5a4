"""Tokens that are stolen, forged, downgraded, expired, meant for others; keys that rotate."""

from __future__ import annotations

import hmac
import time
from base64 import urlsafe_b64encode
from collections.abc import AsyncIterator
from hashlib import sha256
from typing import Any

import pytest
import pytest_asyncio
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from support.issuer import Issuer, SigningKey, forged, issuing

from muxi.core.errors import AccessDenied, IdentityProviderUnavailable
from muxi.identity.federation import key_set
from muxi.identity.federation.discovery import Discovery
from muxi.identity.federation.key_set import KeySet
from muxi.identity.federation.tokens import Checker, Rules, is_token, issuer_of


class Clock:
    """A clock that the test moves."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest_asyncio.fixture
async def issuer() -> AsyncIterator[Issuer]:
    async with issuing() as issuer:
        yield issuer


@pytest.fixture
def clock() -> Clock:
    return Clock()


def checker(issuer: Issuer, clock: Clock | None = None, **rules: Any) -> Checker:
    given: dict[str, Any] = {
        "issuer": issuer.url,
        "audience": ["muxi"],
        "algorithms": ["RS256", "PS256", "ES256", "EdDSA"],
        "leeway": 5.0,
    }
    discovery = Discovery(issuer.url, clock=clock or time.monotonic)

    async def where() -> str:
        return (await discovery.metadata()).jwks_uri

    keys = KeySet(where, clock=clock or time.monotonic)
    return Checker(Rules(**given | rules), keys)


@pytest.mark.parametrize("algorithm", ["RS256", "PS256", "ES256", "EdDSA"])
async def test_a_good_token_of_every_allowed_algorithm_is_accepted(
    issuer: Issuer, algorithm: str
) -> None:
    issuer.keys = [SigningKey("k", algorithm)]

    claims = await checker(issuer).check(issuer.token(sub="ana"))

    assert claims["sub"] == "ana"


async def test_a_token_that_was_found_good_costs_no_second_look_at_the_issuer(
    issuer: Issuer,
) -> None:
    check, token = checker(issuer), issuer.token()
    await check.check(token)
    issuer.fetches.clear()

    await check.check(token)

    assert issuer.fetches == []


@pytest.mark.parametrize(
    ("claims", "words"),
    [
        ({"exp": time.time() - 10}, "expired"),
        ({"exp": None}, "exp"),
        ({"iat": None}, "iat"),
        ({"sub": None}, "sub"),
        ({"aud": None}, "aud"),
        ({"sub": ""}, "subject"),
        ({"sub": "x" * 256}, "subject"),
        ({"sub": 7}, "ubject"),
        ({"aud": "another"}, "udience"),
        ({"aud": ["another", "third"]}, "udience"),
        ({"iss": "https://evil.example"}, "ssuer"),
        ({"iss": None}, "iss"),
        ({"iat": time.time() + 3_600, "exp": time.time() + 7_200}, "not good yet"),
        ({"nbf": time.time() + 3_600}, "not good yet"),
        ({"nbf": "tomorrow"}, "nbf"),
        ({"exp": "never"}, "exp"),
        ({"exp": True}, "exp"),
        ({"exp": 1e300}, "exp"),
    ],
)
async def test_a_token_with_wrong_claims_is_refused(
    issuer: Issuer, claims: dict[str, Any], words: str
) -> None:
    with pytest.raises(AccessDenied, match=words):
        await checker(issuer).check(issuer.token(**claims))


async def test_clocks_may_differ_by_the_leeway_and_no_more(issuer: Issuer) -> None:
    check, now = checker(issuer, leeway=60.0), time.time()

    await check.check(issuer.token(exp=now - 30))
    await check.check(issuer.token(iat=now + 30, exp=now + 300))

    with pytest.raises(AccessDenied):
        await check.check(issuer.token(exp=now - 90))


async def test_a_token_ends_when_its_greatest_age_is_reached(issuer: Issuer) -> None:
    now = time.time()

    with pytest.raises(AccessDenied, match="expired"):
        await checker(issuer, max_age=600.0).check(issuer.token(iat=now - 700, exp=now + 9_000))


async def test_a_token_that_was_good_is_refused_once_the_clock_has_passed_its_end(
    issuer: Issuer, monkeypatch: pytest.MonkeyPatch
) -> None:
    check, token, real = checker(issuer), issuer.token(), time.time
    await check.check(token)

    monkeypatch.setattr(time, "time", lambda: real() + 10_000)
    with pytest.raises(AccessDenied, match="expired"):
        await check.check(token)

    monkeypatch.setattr(time, "time", lambda: real() - 10_000)
    with pytest.raises(AccessDenied, match="ahead"):
        await check.check(token)


async def test_a_token_without_a_signature_is_refused(issuer: Issuer) -> None:
    for algorithm in ("none", "None", "NONE", ""):
        header = {"alg": algorithm, "typ": "JWT"}
        with pytest.raises(AccessDenied):
            await checker(issuer).check(forged(issuer.token(), header=header, signature=""))


async def test_a_public_key_used_as_a_shared_secret_signs_nothing(issuer: Issuer) -> None:
    issuer.keys = [SigningKey("k", "RS256")]
    public = issuer.keys[0].private.public_key()
    secret = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    token = forged(issuer.token(), header={"alg": "HS256", "typ": "JWT", "kid": "k"})
    signed = token.rpartition(".")[0]
    mac = hmac.new(secret, signed.encode(), sha256).digest()
    signature = urlsafe_b64encode(mac).decode().rstrip("=")

    with pytest.raises(AccessDenied, match="not allowed"):
        await checker(issuer).check(f"{signed}.{signature}")


async def test_an_algorithm_that_the_project_does_not_allow_is_refused(issuer: Issuer) -> None:
    issuer.keys = [SigningKey("k", "RS256")]

    with pytest.raises(AccessDenied, match="not allowed"):
        await checker(issuer, algorithms=["ES256"]).check(issuer.token())


async def test_a_key_is_good_only_for_the_algorithm_that_it_says(issuer: Issuer) -> None:
    issuer.keys = [SigningKey("k", "PS256")]
    other = SigningKey("k", "RS256")
    other.private = issuer.keys[0].private

    with pytest.raises(AccessDenied, match="no key"):
        await checker(issuer).check(other.sign(issuer.claims()))


async def test_a_token_cannot_bring_its_own_key(issuer: Issuer) -> None:
    foreign = SigningKey("theirs")
    for header in (
        {"jwk": foreign.public},
        {"jku": f"{issuer.url}/theirs"},
        {"x5u": f"{issuer.url}/theirs"},
        {"x5c": ["MIIB"]},
        {"jku": f"{issuer.url}/theirs", "kid": "theirs"},
        {"kid": "first"},
    ):
        with pytest.raises(AccessDenied):
            await checker(issuer).check(foreign.sign(issuer.claims(), **header))
    assert "/theirs" not in issuer.fetches


@pytest.mark.parametrize(
    "kid",
    [
        "../../../../dev/null",
        "/proc/self/environ",
        "http://169.254.169.254/latest",
        "first' OR '1'='1",
        "first\0",
        " first",
        "FIRST",
        "\ud800",
        "k" * 8_000,
        "",
    ],
)
async def test_a_key_is_found_by_its_exact_name_and_in_no_other_place(
    issuer: Issuer, kid: str
) -> None:
    issuer.keys = [SigningKey("first"), SigningKey("second")]
    stolen = SigningKey("first").sign(issuer.claims(), kid=kid)
    genuine = issuer.keys[0].sign(issuer.claims(), kid=kid)
    check = checker(issuer)
    for token in (stolen, genuine):
        with pytest.raises(AccessDenied) as caught:
            await check.check(token)
        # It goes into the log.
        assert len(caught.value.message.encode()) < 1_000
    assert set(issuer.fetches) <= {"/.well-known/openid-configuration", "/keys"}


@pytest.mark.parametrize("kid", [7, None, ["first"], {"first": 1}, True])
async def test_a_key_whose_name_is_no_text_is_not_found(issuer: Issuer, kid: Any) -> None:
    issuer.keys = [SigningKey("first"), SigningKey("second")]

    header = {"alg": "ES256", "typ": "JWT", "kid": kid}
    with pytest.raises(AccessDenied, match="no key"):
        await checker(issuer).check(forged(issuer.token(), header=header))


async def test_a_tampered_token_is_refused(issuer: Issuer) -> None:
    token = issuer.token()
    head, _, signature = token.split(".")
    other = issuer.token(sub="admin").split(".")[1]

    with pytest.raises(AccessDenied):
        await checker(issuer).check(f"{head}.{other}.{signature}")


@pytest.mark.parametrize("kind", ["logout+jwt", "dpop+jwt", "secevent+jwt", "id_token", 7])
async def test_a_token_of_another_kind_is_refused(issuer: Issuer, kind: Any) -> None:
    token = forged(issuer.token(), header={"alg": "ES256", "typ": kind, "kid": "first"})

    with pytest.raises(AccessDenied, match="another kind"):
        await checker(issuer).check(token)


async def test_a_token_that_asks_for_what_is_not_understood_is_refused(issuer: Issuer) -> None:
    header = {"alg": "ES256", "kid": "first", "crit": ["b64"], "b64": False}

    with pytest.raises(AccessDenied, match="extensions"):
        await checker(issuer).check(forged(issuer.token(), header=header))


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a.b",
        "a.b.c.d",
        "a.b.c",
        "e30.e30.",
        "W10.W10.W10",
        "é.é.é",
        "a" * 20_000,
        "..",
        "eyJhbGciOiJFUzI1NiJ9.e30.AAAA",
        "muxi_key_abc",
    ],
)
async def test_what_is_no_token_is_refused_without_asking_anybody(
    issuer: Issuer, text: str
) -> None:
    with pytest.raises(AccessDenied):
        await checker(issuer).check(text)
    assert not is_token("a" * 20_000)
    with pytest.raises(AccessDenied):
        issuer_of("a.b.c")


async def test_a_payload_that_is_nested_too_deeply_is_refused(issuer: Issuer) -> None:
    bomb = urlsafe_b64encode(b'{"alg":' + b"[" * 5_000 + b"]" * 5_000 + b"}").decode().rstrip("=")

    with pytest.raises(AccessDenied):
        await checker(issuer).check(f"{bomb}.e30.AAAA")


async def test_a_new_key_is_fetched_when_a_token_names_it(issuer: Issuer, clock: Clock) -> None:
    check = checker(issuer, clock)
    await check.check(issuer.token())
    issuer.keys.insert(0, SigningKey("second"))
    clock.now += key_set.PATIENCE + 1

    claims = await check.check(issuer.token(sub="later"))

    assert claims["sub"] == "later"
    assert issuer.fetches.count("/keys") == 2


async def test_a_flood_of_unknown_keys_makes_one_fetch(issuer: Issuer, clock: Clock) -> None:
    check = checker(issuer, clock)
    await check.check(issuer.token())
    clock.now += key_set.PATIENCE + 1

    for number in range(50):
        with pytest.raises(AccessDenied):
            await check.check(SigningKey(f"unknown-{number}").sign(issuer.claims()))

    assert issuer.fetches.count("/keys") == 2


async def test_tokens_of_a_withdrawn_key_end_when_the_keys_are_fetched_again(
    issuer: Issuer, clock: Clock
) -> None:
    issuer.key_headers = {"Cache-Control": "public, max-age=120"}
    check, token = checker(issuer, clock), issuer.token()
    await check.check(token)
    issuer.keys = [SigningKey("second")]

    clock.now += 60
    await check.check(token)
    clock.now += 61
    with pytest.raises(AccessDenied):
        await check.check(token)


async def test_keys_are_used_for_an_hour_while_their_issuer_is_away(
    issuer: Issuer, clock: Clock
) -> None:
    check, token = checker(issuer, clock), issuer.token()
    await check.check(token)
    issuer.away = True

    clock.now += key_set.LIFETIME + key_set.STALE - 1
    await check.check(token)
    asked = len(issuer.fetches)
    await check.check(issuer.token(sub="another"))
    assert len(issuer.fetches) == asked

    clock.now += 2
    for _ in range(3):
        with pytest.raises(IdentityProviderUnavailable):
            await check.check(token)
    assert len(issuer.fetches) <= asked + 2

    issuer.away = False
    clock.now += key_set.PATIENCE
    await check.check(token)


async def test_keys_that_are_private_shared_or_too_small_are_not_used(issuer: Issuer) -> None:
    key = SigningKey("k", "RS256")
    small = SigningKey("small", "RS256")
    small.private = rsa.generate_private_key(public_exponent=65537, key_size=1024)

    class Published(SigningKey):
        @property
        def public(self) -> dict[str, Any]:
            return {**key.public, "d": "AQAB"}

    leaked = Published("k", "RS256")
    leaked.private = key.private
    for each in (small, leaked):
        issuer.keys = [each]
        signer = SigningKey(each.kid, "RS256")
        with pytest.raises(AccessDenied, match="no key"):
            await checker(issuer).check(signer.sign(issuer.claims()))


async def test_a_token_without_a_key_id_needs_an_issuer_with_one_key(issuer: Issuer) -> None:
    bare = issuer.keys[0].sign(issuer.claims(), kid=None)
    await checker(issuer).check(bare)

    issuer.keys.append(SigningKey("second"))
    with pytest.raises(AccessDenied, match="no key"):
        await checker(issuer).check(bare)


async def test_an_issuer_that_speaks_for_another_is_not_believed(issuer: Issuer) -> None:
    issuer.says = {"issuer": "https://other.example"}

    with pytest.raises(IdentityProviderUnavailable, match="another issuer"):
        await checker(issuer).check(issuer.token())


async def test_keys_are_never_fetched_in_the_open(issuer: Issuer) -> None:
    issuer.says = {"jwks_uri": "http://keys.example/jwks"}

    with pytest.raises(IdentityProviderUnavailable, match="HTTPS"):
        await checker(issuer).check(issuer.token())
