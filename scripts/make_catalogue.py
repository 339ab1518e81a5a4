"""Write the catalogue of models that ships with muxi, from the data of two well-kept packages.

Prices, context limits and the patterns of names come from `genai-prices`; output limits, kinds of
input and vector sizes from the model list in the wheel of `litellm`. No number is written by hand.

    python scripts/make_catalogue.py path/to/litellm-*.whl   # pip download --no-deps litellm
"""

from __future__ import annotations

import json
import sys
import zipfile
from datetime import UTC, date, datetime
from decimal import Decimal
from importlib.metadata import version
from pathlib import Path
from typing import Any

from genai_prices import types as prices
from genai_prices.data import providers as price_data

OUT = Path(__file__).parent.parent / "src/muxi/models/data/catalogue.json"
LIMITS = "litellm/model_prices_and_context_window_backup.json"

# Our provider: its name in genai-prices, its names in litellm's list.
PROVIDERS: dict[str, tuple[str | None, tuple[str, ...]]] = {
    "anthropic": ("anthropic", ("anthropic",)),
    "azure": ("azure", ("azure",)),
    "bedrock": ("aws", ("bedrock", "bedrock_converse")),
    "cerebras": ("cerebras", ("cerebras",)),
    "cohere": ("cohere", ("cohere", "cohere_chat")),
    "deepseek": ("deepseek", ("deepseek",)),
    "fireworks": ("fireworks", ("fireworks_ai",)),
    "google": ("google", ("gemini",)),
    "groq": ("groq", ("groq",)),
    "mistral": ("mistral", ("mistral",)),
    "openai": ("openai", ("openai",)),
    "openrouter": ("openrouter", ("openrouter",)),
    "perplexity": ("perplexity", ("perplexity",)),
    "together": ("together", ("together_ai",)),
    "watsonx": (None, ("watsonx",)),
    "xai": ("x-ai", ("xai",)),
}
KINDS = {"chat": "chat", "responses": "chat", "completion": "chat", "embedding": "embedding"}
INPUTS = {
    "supports_vision": "image",
    "supports_audio_input": "audio",
    "supports_pdf_input": "file",
}


def main(wheel: Path) -> None:
    limits = read_limits(wheel)
    by_id = {provider.id: provider for provider in price_data}
    providers = {
        name: provider_entries(by_id.get(priced) if priced else None, limits, names)
        for name, (priced, names) in PROVIDERS.items()
    }
    catalogue = {
        "sources": {
            "genai-prices": version("genai-prices"),
            "litellm": wheel.name.split("-")[1],
        },
        "date": datetime.now(UTC).date().isoformat(),
        "providers": providers,
    }
    OUT.parent.mkdir(exist_ok=True)
    lines = json.dumps(catalogue, indent=None, separators=(",", ":"), ensure_ascii=False)
    # A line a model keeps the differences between two versions readable.
    OUT.write_text(lines.replace('{"id":', '\n{"id":') + "\n", encoding="utf-8")
    count = sum(len(models) for models in providers.values())
    print(f"{count} models of {len(providers)} providers in {OUT.stat().st_size // 1024} KiB")


def read_limits(wheel: Path) -> dict[str, dict[str, Any]]:
    with zipfile.ZipFile(wheel) as archive:
        return json.loads(archive.read(LIMITS))


def provider_entries(
    provider: prices.Provider | None, limits: dict[str, dict[str, Any]], names: tuple[str, ...]
) -> list[dict[str, Any]]:
    known: dict[str, dict[str, Any]] = {}
    for key, fields in limits.items():
        if fields.get("litellm_provider") in names and KINDS.get(fields.get("mode", "")):
            head, _, tail = key.partition("/")
            known.setdefault(tail if tail and head in names else key, fields)
    entries: list[dict[str, Any]] = []
    used: set[str] = set()
    for model in provider.models if provider else ():
        matches = [key for key in known if key == model.id or model.is_match(key)]
        used.update(matches)
        best = min(matches, key=lambda key: (key != model.id, len(key), key), default=None)
        entries.append(entry(model, known[best] if best else {}))
    for key in sorted(known.keys() - used):
        fields = known[key]
        entries.append({"id": key, **limits_of(fields, None)})
    return entries


def entry(model: prices.ModelInfo, fields: dict[str, Any]) -> dict[str, Any]:
    out: dict[str, Any] = {"id": model.id}
    match = clause(model.match)
    if match != ["=", model.id]:
        out["match"] = match
    out.update(limits_of(fields, model.context_window))
    if model.deprecated:
        out["deprecated"] = True
    priced = price_history(model.prices)
    if priced:
        out["prices"] = priced
    return out


def limits_of(fields: dict[str, Any], context: int | None) -> dict[str, Any]:
    out: dict[str, Any] = {}
    if KINDS.get(fields.get("mode", "")) == "embedding":
        out["kind"] = "embedding"
        if fields.get("output_vector_size"):
            out["dimensions"] = int(fields["output_vector_size"])
    tokens = context or fields.get("max_input_tokens")
    if tokens:
        out["context"] = int(tokens)
    if fields.get("max_output_tokens") and "kind" not in out:
        out["output"] = int(fields["max_output_tokens"])
    inputs = [kind for flag, kind in INPUTS.items() if fields.get(flag)]
    if inputs:
        out["inputs"] = inputs
    if "kind" not in out:
        for flag, name in (
            ("supports_function_calling", "tools"),
            ("supports_response_schema", "schema"),
        ):
            if flag in fields:
                out[name] = bool(fields[flag])
    return out


def clause(match: Any) -> list[Any]:
    """A pattern of names as `[operator, operand]`."""
    match type(match).__name__:
        case "ClauseEquals":
            return ["=", match.equals.lower()]
        case "ClauseStartsWith":
            return ["^", match.starts_with.lower()]
        case "ClauseEndsWith":
            return ["$", match.ends_with.lower()]
        case "ClauseContains":
            return ["*", match.contains.lower()]
        case "ClauseRegex":
            return ["~", match.regex]
        case "ClauseOr":
            return ["|", [clause(each) for each in match.or_]]
        case "ClauseAnd":
            return ["&", [clause(each) for each in match.and_]]
        case other:
            raise SystemExit(f"genai-prices has a new kind of pattern, {other}: teach it to muxi")


def price_history(history: Any) -> list[dict[str, Any]]:
    """Prices with the day each begins, the oldest first; of prices by the hour, the dearest."""
    if not isinstance(history, list):
        return [each for each in [price(history)] if each]
    by_day: dict[str, list[dict[str, Any]]] = {"": []}
    day = ""
    for item in history:
        start: date | None = getattr(item.constraint, "start_date", None)
        day = start.isoformat() if start else "" if item.constraint is None else day
        each = price(item.prices)
        if each:
            by_day.setdefault(day, []).append(each)
    out: list[dict[str, Any]] = []
    for start, options in sorted(by_day.items()):
        if options:
            dearest = max(options, key=lambda each: Decimal(each.get("output", each["input"])))
            out.append({"from": start, **dearest} if start else dearest)
    return out


def price(of: prices.ModelPrice) -> dict[str, Any]:
    """US dollars per million tokens, as texts; tiers begin above a number of input tokens."""
    fields = {
        "input": of.__dict__.get("input_mtok"),
        "output": of.__dict__.get("output_mtok"),
        "cached": of.__dict__.get("cache_read_mtok"),
        "cache_write": of.__dict__.get("cache_write_mtok"),
    }
    if fields["input"] is None:
        return {}
    out: dict[str, Any] = {name: base(value) for name, value in fields.items() if value is not None}
    starts = sorted(
        {tier.start for value in fields.values() for tier in getattr(value, "tiers", ())}
    )
    if starts:
        out["tiers"] = [
            [start, {name: at(value, start) for name, value in fields.items() if value is not None}]
            for start in starts
        ]
    return out


def base(value: Any) -> str:
    return str(getattr(value, "base", value))


def at(value: Any, start: int) -> str:
    reached = [tier.price for tier in getattr(value, "tiers", ()) if tier.start <= start]
    return str(reached[-1]) if reached else base(value)


if __name__ == "__main__":
    if len(sys.argv) != 2:
        raise SystemExit(__doc__)
    main(Path(sys.argv[1]))
