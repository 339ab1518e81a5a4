"""The collection of sample requests that the router compares with: what people ask of tools of
many kinds, and what they say when they want no tool.

Called by `evidence`. The collection is data: it knows purposes, never the tools of a project.
"""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import resources
from itertools import pairwise
from typing import TYPE_CHECKING, Final

from muxi.models.embedded.tokens import terms

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Encode = Callable[[Sequence[str]], "NDArray[np.float32]"]

TRAITS: Final = tuple(
    f"<{kind}>"
    for kind in (
        "number",
        "operator",
        "uri",
        "email",
        "date",
        "time",
        "path",
        "tag",
        "code",
        "phone",
    )
)
_IGNORED: Final = frozenset(".,!?'\"")


@dataclass(slots=True, frozen=True)
class Sample:
    """A request and the purpose that it serves; no purpose is plain talk."""

    request: str
    purpose: int | None


class Collection:
    """Sample requests with their vectors and the rarity of their words."""

    def __init__(self, encode: Encode, stored: NDArray[np.float32] | None = None) -> None:
        import numpy as np

        self.purposes, self.samples, self.wider = read_samples()
        plain = [sample.request for sample in self.samples if sample.purpose is None]
        served = [sample for sample in self.samples if sample.purpose is not None]
        self.plain = plain
        self.served = [sample.request for sample in served]
        self.served_purpose = np.array([sample.purpose for sample in served])
        texts = [*self.served, *plain, *self.purposes]
        vectors = encode(texts) if stored is None else stored
        if len(vectors) != len(texts):
            raise ValueError("the stored vectors are not those of the sample requests")
        self.vectors = vectors
        self.served_vectors = vectors[: len(served)]
        self.plain_vectors = vectors[len(served) : len(served) + len(plain)]
        self.purpose_vectors = vectors[len(served) + len(plain) :]
        self.centres = np.stack(
            [
                unit(self.served_vectors[self.served_purpose == index].mean(axis=0))
                for index in range(len(self.purposes))
            ]
        )
        self._seen = Counter(gram for request in plain for gram in set(grams(request)))
        self.served_bags = [self.bag(request) for request in self.served]
        self.plain_bags = [self.bag(request) for request in plain]
        self.plain_traits = np.array([traits(request) for request in plain]).mean(axis=0)

    def rarity(self, gram: str) -> float:
        """How telling a word or a pair of words is: high when plain talk hardly uses it."""
        return math.log((len(self.plain) + 1) / (self._seen[gram] + 1)) + 0.3

    def bag(self, request: str) -> dict[str, float]:
        """A request as weighted words and pairs of words, of length 1."""
        weights = {
            gram: self.rarity(gram) * (0.6 if " " in gram else 1.0) for gram in grams(request)
        }
        length = math.sqrt(sum(value * value for value in weights.values())) or 1.0
        return {gram: value / length for gram, value in weights.items()}


def read_samples() -> tuple[list[str], list[Sample], list[int | None]]:
    """Purposes and samples as they are shipped, and for each purpose the wider one it is part of:
    a tool for the wider one serves it too."""
    entries = [json.loads(line) for line in _read("requests.jsonl").decode().splitlines()]
    purposes = [str(entry["purpose"]) for entry in entries if entry["purpose"]]
    samples: list[Sample] = []
    wider: list[int | None] = []
    for entry in entries:
        index = purposes.index(entry["purpose"]) if entry["purpose"] else None
        samples += [Sample(request, index) for request in entry["requests"]]
        if index is not None:
            wider.append(purposes.index(entry["wider"]) if "wider" in entry else None)
    return purposes, samples, wider


def stored_vectors(encoder: str) -> NDArray[np.float32] | None:
    """The vectors of the collection by the encoder of this name, if they are shipped: encoding
    everything anew costs a slow encoder many seconds."""
    import io

    import numpy as np

    name = f"requests.{encoder.rsplit('/', 1)[-1]}.npy"
    if not resources.files("muxi.models.embedded").joinpath("data", name).is_file():
        return None
    small = np.load(io.BytesIO(_read(name)), allow_pickle=False).astype(np.float32)
    return small / np.linalg.norm(small, axis=1, keepdims=True)


def _read(name: str) -> bytes:
    return resources.files("muxi.models.embedded").joinpath("data", name).read_bytes()


def unit(vector: NDArray[np.float32]) -> NDArray[np.float32]:
    """`vector` at length 1; the zero vector stays."""
    import numpy as np

    length = float(np.linalg.norm(vector))
    return vector / length if length else vector


def grams(request: str) -> set[str]:
    """Words and pairs of neighbours, beginning and end included."""
    words = [term for term in terms(request) if term not in _IGNORED]
    framed = ["^", *words, "$"]
    return {*words, *(f"{a} {b}" for a, b in pairwise(framed))}


def traits(request: str) -> list[bool]:
    """Which kinds of special tokens a request holds."""
    present = set(terms(request))
    return [trait in present for trait in TRAITS]


def overlap(one: Mapping[str, float], other: Mapping[str, float]) -> float:
    """The cosine of two bags."""
    if len(one) > len(other):
        one, other = other, one
    return sum(value * other.get(gram, 0.0) for gram, value in one.items())
