"""Signing in with an OpenID provider, and what it must not be talked into."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from typing import Any

import pytest
import pytest_asyncio
from support.issuer import CLIENT, Issuer, SigningKey, issuing

from muxi.config.federation_settings import OidcProvider
from muxi.config.secret import SecretRef
from muxi.core.errors import AccessDenied, IdentityProviderUnavailable
from muxi.identity.federation.claims import foreign_user
from muxi.identity.federation.provider import Provider
from muxi.identity.federation.tokens import Rules

BACK = "https://muxi.example/login/oidc/company/callback"


@pytest_asyncio.fixture
async def issuer() -> AsyncIterator[Issuer]:
    async with issuing() as issuer:
        yield issuer


def provider(issuer: Issuer, name: str = "company", **settings: Any) -> Provider:
    given: dict[str, Any] = {
        "issuer": issuer.url,
        "client_id": CLIENT[0],
        "client_secret": SecretRef("secret://OIDC"),
    }
    made = OidcProvider.model_validate(given | settings)
    return Provider(name=name, settings=made, secret=CLIENT[1])


async def test_a_person_signs_in(issuer: Issuer) -> None:
    company = provider(issuer)
    page, attempt = await company.begin(BACK, "/threads")

    granted = await company.finish(attempt, await issuer.sign_in(page))

    assert granted.claims["preferred_username"] == "ana"
    assert attempt.return_to == "/threads"
    assert "refresh-" in (granted.refresh_token or "")
    assert (granted.refresh_token or "") not in repr(granted)


async def _let_go(token: str) -> None:
    """For tests in which no session is kept."""


async def test_a_renewal_tells_what_has_become_of_the_person(issuer: Issuer) -> None:
    company = provider(issuer)
    page, attempt = await company.begin(BACK)
    granted = await company.finish(attempt, await issuer.sign_in(page))
    issuer.user["groups"] = ["staff"]

    kept: list[str] = []

    async def keep(token: str) -> None:
        # Before the provider is asked who that is: it may be away by then.
        assert issuer.fetches[-1] == "/token"
        kept.append(token)

    renewed = await company.renew(granted.refresh_token or "", "u-1", keep)

    assert renewed.claims["groups"] == ["staff"]
    assert renewed.refresh_token not in (None, granted.refresh_token)
    assert kept == [renewed.refresh_token]
    with pytest.raises(AccessDenied, match="invalid_grant"):
        await company.renew(granted.refresh_token or "", "u-1", _let_go)


async def test_a_renewal_for_somebody_else_is_refused(issuer: Issuer) -> None:
    company = provider(issuer)
    page, attempt = await company.begin(BACK)
    granted = await company.finish(attempt, await issuer.sign_in(page))
    issuer.user["sub"] = "u-2"

    with pytest.raises(AccessDenied, match="somebody else"):
        await company.renew(granted.refresh_token or "", "u-1", _let_go)


async def test_a_code_is_good_once(issuer: Issuer) -> None:
    company = provider(issuer)
    page, attempt = await company.begin(BACK)
    answer = await issuer.sign_in(page)
    await company.finish(attempt, answer)

    with pytest.raises(AccessDenied, match="invalid_grant"):
        await company.finish(attempt, answer)


async def test_a_stolen_code_is_worth_nothing_in_another_browser(issuer: Issuer) -> None:
    company = provider(issuer)
    page, _ = await company.begin(BACK)
    stolen = await issuer.sign_in(page)
    _, mine = await company.begin(BACK)

    with pytest.raises(AccessDenied, match="no sign-in of this browser"):
        await company.finish(mine, stolen)
    with pytest.raises(AccessDenied, match="invalid_grant"):
        await company.finish(mine, {**stolen, "state": mine.state})


@pytest.mark.parametrize(
    ("claims", "words"),
    [
        ({"nonce": "replayed"}, "another sign-in"),
        ({"nonce": None}, "another sign-in"),
        ({"aud": "another"}, "udience"),
        ({"aud": ["muxi", "another"]}, "several parties"),
        ({"aud": ["muxi", "another"], "azp": "another"}, "another party"),
        ({"azp": "another"}, "another party"),
        ({"at_hash": "AAAA"}, "another access token"),
        ({"exp": time.time() - 3_600}, "expired"),
        ({"iss": "https://evil.example"}, "ssuer"),
    ],
)
async def test_an_id_token_that_is_not_for_this_sign_in_is_refused(
    issuer: Issuer, claims: dict[str, Any], words: str
) -> None:
    company = provider(issuer)
    issuer.id_claims = claims
    page, attempt = await company.begin(BACK)
    answer = await issuer.sign_in(page)

    with pytest.raises(AccessDenied, match=words):
        await company.finish(attempt, answer)


async def test_an_id_token_of_another_key_is_refused(issuer: Issuer) -> None:
    published = issuer.keys[0].public

    class Forger(SigningKey):
        """Signs with a key of its own under a name that is trusted."""

        @property
        def public(self) -> dict[str, Any]:
            return published

    issuer.keys = [Forger("first")]
    company = provider(issuer)
    page, attempt = await company.begin(BACK)
    answer = await issuer.sign_in(page)

    with pytest.raises(AccessDenied, match="ignature"):
        await company.finish(attempt, answer)


async def test_info_about_somebody_else_is_refused(issuer: Issuer) -> None:
    company = provider(issuer)
    issuer.info = {"sub": "u-2"}
    page, attempt = await company.begin(BACK)
    answer = await issuer.sign_in(page)

    with pytest.raises(AccessDenied, match="somebody else"):
        await company.finish(attempt, answer)


async def test_an_answer_of_another_provider_is_refused(issuer: Issuer) -> None:
    company, other = provider(issuer), provider(issuer, name="other")
    page, attempt = await company.begin(BACK)
    answer = await issuer.sign_in(page)

    for mixed in ({**answer, "iss": "https://evil.example"}, {**answer, "iss": ""}):
        with pytest.raises(AccessDenied, match="Another provider"):
            await company.finish(attempt, mixed)
    with pytest.raises(AccessDenied, match="no sign-in"):
        await other.finish(attempt, answer)


async def test_who_declines_is_told_so_in_the_providers_words(issuer: Issuer) -> None:
    company = provider(issuer)
    _, attempt = await company.begin(BACK)
    answer = {"state": attempt.state, "iss": issuer.url, "error": "access_denied"}

    with pytest.raises(AccessDenied, match="access_denied"):
        await company.finish(attempt, answer)


async def test_a_sign_in_ends_after_ten_minutes(issuer: Issuer) -> None:
    company = provider(issuer)
    page, attempt = await company.begin(BACK)
    answer = await issuer.sign_in(page)
    late = attempt.model_copy(update={"until": time.time() - 1})

    with pytest.raises(AccessDenied, match="ten minutes"):
        await company.finish(late, answer)


async def test_a_provider_without_pkce_is_not_used(issuer: Issuer) -> None:
    issuer.says = {"code_challenge_methods_supported": ["plain"]}

    with pytest.raises(IdentityProviderUnavailable, match="PKCE"):
        await provider(issuer).begin(BACK)


async def test_a_provider_that_is_away_says_so_and_is_asked_again_later(issuer: Issuer) -> None:
    company = provider(issuer)
    issuer.away = True
    for _ in range(5):
        with pytest.raises(IdentityProviderUnavailable):
            await company.begin(BACK)
    assert len(issuer.fetches) == 1


async def test_signing_out_goes_to_the_provider_too(issuer: Issuer) -> None:
    company = provider(issuer)

    page = await company.sign_out_page("the-id-token", "https://muxi.example/")
    await company.revoke("refresh-9")

    assert page is not None
    assert page.startswith(f"{issuer.url}/out?")
    assert "id_token_hint=the-id-token" in page
    assert issuer.revoked == ["refresh-9"]


async def test_groups_become_what_the_project_says_and_nothing_else(issuer: Issuer) -> None:
    settings = provider(
        issuer,
        groups={"engineers": ["eng", "platform"]},
        roles={"admin": ["muxi-admins"]},
        groups_claim="realm.groups",
    ).settings
    claims = {"sub": "u", "realm": {"groups": ["eng", "admin", "owners"]}, "roles": ["admin"]}

    user = foreign_user(settings, issuer.url, claims)

    assert (user.groups, user.roles) == ({"engineers"}, frozenset())
    admin = foreign_user(settings, issuer.url, {"sub": "u", "realm": {"groups": ["muxi-admins"]}})
    assert admin.roles == {"admin"}


async def test_only_whom_the_project_requires_comes_in(issuer: Issuer) -> None:
    settings = provider(
        issuer, require={"hd": ["example.org"], "email_verified": ["true"]}
    ).settings
    good = {"sub": "u", "hd": "example.org", "email_verified": True}

    assert foreign_user(settings, issuer.url, good).subject == "u"
    for bad in ({"sub": "u"}, good | {"hd": "evil.org"}, good | {"email_verified": False}):
        with pytest.raises(AccessDenied, match="claim"):
            foreign_user(settings, issuer.url, bad)


async def test_an_address_counts_only_if_the_provider_has_verified_it(issuer: Issuer) -> None:
    settings = provider(issuer).settings
    claims = {"sub": "u", "email": "ana@example.org"}

    assert foreign_user(settings, issuer.url, claims).email is None
    assert foreign_user(settings, issuer.url, claims | {"email_verified": "true"}).email is None
    verified = foreign_user(settings, issuer.url, claims | {"email_verified": True})
    assert verified.email == "ana@example.org"
    assert verified.wanted_id == "u"


def test_tokens_for_signing_in_take_no_shared_secrets() -> None:
    with pytest.raises(ValueError, match="algorithms"):
        OidcProvider.model_validate(
            {"issuer": "https://id.example", "client_id": "x", "algorithms": ["HS256"]}
        )
    with pytest.raises(ValueError, match="issuer"):
        OidcProvider.model_validate({"issuer": "http://id.example", "client_id": "x"})
    assert Rules(issuer="x", audience=(), algorithms=()).max_age is None
