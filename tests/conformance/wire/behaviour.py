"""What the SDKs do where they and we differ, kept in `sdk_behaviour.json` beside the streams.

`python -m pytest tests/conformance/wire --record-sdk-behaviour` writes it anew.
"""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

from .composed import CASES
from .reading import Reading
from .sdk import PACKAGES, VERSIONS, HalfAnswer, Sdks

FILE = Path(__file__).with_name("sdk_behaviour.json")


def of(sdks: Sdks, format_: str, name: str) -> str:
    """What the SDK of that format does with that stream, in a few words."""
    result = read(sdks, format_, name)
    if isinstance(result, Reading):
        said = "".join(part[1] for part in result.parts if part[0] == "text")
        return f"answers {said[:40]!r}"
    if isinstance(result, HalfAnswer):
        return "gives half an answer and no error"
    words = str(result).splitlines()[0][:90] if str(result) else ""
    return f"raises {type(result).__name__}: {words}"


def read(sdks: Sdks, format_: str, name: str) -> Reading | Exception:
    """What the SDK makes of a stream, or what it raises."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            return sdks.read[format_](name)
        except Exception as error:  # noqa: BLE001 -- whatever an SDK raises is what is recorded
            return error


def recorded() -> dict[str, Any]:
    return json.loads(FILE.read_text())


def record(sdks: Sdks) -> None:
    """Write down what the installed SDKs do with every stream that is broken or read otherwise."""
    found: dict[str, Any] = {"versions": VERSIONS}
    for format_, cases in CASES.items():
        found[format_] = {
            case.name: of(sdks, format_, case.name)
            for case in cases
            if case.error is not None or case.differs
        }
    FILE.write_text(json.dumps(found, indent=2, ensure_ascii=False) + "\n")


def is_current(format_: str) -> bool:
    """Whether the installed SDK is the one whose behaviour is recorded."""
    package = PACKAGES[format_]
    return recorded()["versions"].get(package) == VERSIONS[package]
