from __future__ import annotations

import re
import subprocess
import sys
from datetime import date
from decimal import Decimal

import pytest

from muxi.core.errors import PriceUnknown
from muxi.core.usage import Usage
from muxi.models import catalogue
from muxi.models.model import FREE, ModelProfile, Price
from muxi.models.scripted import ScriptedModel


def test_the_data_says_where_and_when_it_is_from():
    packages, day = catalogue.sources()
    assert set(packages) == {"genai-prices", "litellm"}
    assert date.fromisoformat(day) >= date(2026, 1, 1)


def test_a_known_model_has_limits_kinds_of_input_and_a_price():
    entry = catalogue.find("openai", "gpt-4o")
    assert entry is not None
    profile = entry.profile
    assert profile.context_tokens == 128_000
    assert profile.output_tokens == 16_384
    assert profile.images
    assert profile.price is not None
    assert profile.price.input == Decimal("2.5")


@pytest.mark.parametrize(
    ("provider", "name", "entry"),
    [
        ("openai", "gpt-4o-2024-08-06", "gpt-4o"),
        ("openai", "GPT-4o", "gpt-4o"),
        ("anthropic", "claude-sonnet-4-5-20250929", "claude-sonnet-4-5"),
        ("anthropic", "claude-sonnet-4-5-latest", "claude-sonnet-4-5"),
        ("google", "gemini-2.5-flash", "gemini-2.5-flash"),
        ("openrouter", "anthropic/claude-sonnet-4.5:beta", "anthropic/claude-sonnet-4.5"),
    ],
)
def test_dated_names_and_aliases_find_their_model(provider: str, name: str, entry: str):
    found = catalogue.find(provider, name)
    assert found is not None
    assert found.id == entry


@pytest.mark.parametrize(("provider", "name"), [("openai", "gpt-99"), ("nobody", "gpt-4o")])
def test_what_is_not_known_is_unknown(provider: str, name: str):
    assert catalogue.find(provider, name) is None


def test_an_unknown_price_is_none_and_not_nothing():
    unpriced = [
        entry
        for provider in ("openai", "bedrock", "azure")
        for entry in catalogue.models_of(provider)
        if not entry.prices
    ]
    assert unpriced
    assert all(entry.profile.price is None for entry in unpriced)


def test_a_price_may_change_with_the_day():
    entries = catalogue.models_of("anthropic") + catalogue.models_of("openai")
    changed = [entry for entry in entries if len(entry.prices) > 1 and entry.prices[1].start]
    assert changed
    entry = changed[0]
    start = date.fromisoformat(entry.prices[1].start)
    assert entry.price(start) != entry.price(date(2020, 1, 1))


def test_a_long_prompt_costs_its_tier():
    entry = catalogue.find("google", "gemini-2.5-pro")
    assert entry is not None
    price = entry.price()
    assert price is not None
    (tier, dear), *_ = price.tiers
    short = price.cost(Usage(input_tokens=tier))
    long = price.cost(Usage(input_tokens=tier + 1))
    assert short is not None
    assert long is not None
    assert dear.input is not None
    assert long == dear.input * (tier + 1) / 1_000_000
    assert long > 1.5 * float(short)


def test_every_pattern_of_the_data_can_be_matched():
    for provider in ("openai", "anthropic", "google", "bedrock", "openrouter", "together"):
        for entry in catalogue.models_of(provider):
            assert catalogue.find(provider, entry.id) is not None
            if entry.match is not None:
                catalogue._matches(entry.match, entry.id)


def test_close_names_are_named():
    assert "gpt-4o-mini" in catalogue.close_names("openai", "gpt-4o-mni")


def test_embedding_models_tell_their_width():
    entry = catalogue.find("openai", "text-embedding-3-small")
    assert entry is not None
    assert (entry.kind, entry.dimensions) == ("embedding", 1536)
    price = entry.price()
    assert price is not None
    assert price.output == 0


@pytest.mark.parametrize("price", [None, Price(), Price(input=Decimal(1))])
def test_a_cost_limit_needs_a_whole_price(price: Price | None):
    model = ScriptedModel([], name="p/m", profile=ModelProfile(price=price))
    with pytest.raises(PriceUnknown, match=re.escape("p/m")):
        catalogue.require_price(model)


def test_a_free_model_has_a_price():
    assert catalogue.require_price(ScriptedModel([])) == FREE


def test_the_package_that_the_data_is_from_is_not_imported():
    program = (
        "import sys; from muxi.models import catalogue; catalogue.find('openai', 'gpt-4o'); "
        "sys.exit('genai_prices' in sys.modules or 'aiohttp' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
