"""Files that providers keep: sent, named and deleted."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest
from support.keepers import KEY, Keeper, Stores, keeper, stores_before

from muxi.core.errors import ModelError, ModelRejected
from muxi.core.keeping import Upload

PDF = Upload(data=b"%PDF-1.7 " + b"words " * 50, kind="file", media_type="application/pdf")
PROVIDERS = ("openai", "anthropic", "google")


@pytest.fixture
async def made() -> AsyncIterator[Keeper]:
    async with keeper() as provider:
        yield provider


@pytest.fixture
async def stores(made: Keeper) -> AsyncIterator[Stores]:
    async with stores_before(made) as found:
        yield found


@pytest.mark.parametrize("provider", PROVIDERS)
async def test_a_file_is_deleted_once_and_one_that_is_gone_counts_as_deleted(
    made: Keeper, stores: Stores, provider: str
) -> None:
    store = stores.of(provider)
    file = await store.put(PDF)
    await store.delete(file.id)
    assert made.deleted == ["file-1"]
    await store.delete(file.id)
    made.deaf = 500
    with pytest.raises(ModelError):
        await store.delete(file.id)


async def test_a_video_is_shown_once_google_has_looked_through_it(
    made: Keeper, stores: Stores
) -> None:
    made.processing = 2
    film = Upload(data=b"film", kind="file", media_type="video/mp4")
    file = await stores.of("google").put(film)
    assert file.id.endswith("/v1beta/files/file-1")
    assert made.processing == 0


@pytest.mark.parametrize("provider", PROVIDERS)
async def test_a_refused_file_is_an_error_without_the_key(
    made: Keeper, stores: Stores, provider: str
) -> None:
    made.refusal = 400
    with pytest.raises(ModelRejected) as refused:
        await stores.of(provider).put(PDF)
    assert KEY not in str(refused.value)


async def test_accounts_are_told_apart_by_address_and_key(stores: Stores) -> None:
    mine, same = stores.of("openai"), stores.of("openai")
    assert mine.account == same.account
    assert KEY not in mine.account
    others = {stores.of("openai", "sk-9876543210").account}
    others |= {stores.of(each).account for each in ("anthropic", "google")}
    assert len({mine.account, *others}) == 4


async def test_only_where_models_are_told_a_name_it_makes_another_file(
    made: Keeper, stores: Stores
) -> None:
    named = Upload(data=PDF.data, kind="file", media_type=PDF.media_type, name="salaries.pdf")
    openais = stores.of("openai")
    assert openais.form(named) != openais.form(PDF)
    for provider in ("anthropic", "google"):
        store = stores.of(provider)
        assert store.form(named) == store.form(PDF)
        await store.put(named)
        assert "salaries" not in made.sent[-1].name
