"""The forward pass of a small BERT in numpy: sentence vectors without any inference runtime.

Called by `minilm` when `onnxruntime` is not installed, and by its tests as the reference. Reads
weights, computes, and keeps no state between calls.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Array = NDArray[np.float32]

LAYERS: Final = 6
HEADS: Final = 12
WIDTH: Final = 384
EPSILON: Final = 1e-12
_EMBEDDINGS: Final = "embeddings."


def encode(weights: dict[str, Array], ids: Sequence[int]) -> Array:
    """The mean of the last layer over the tokens `ids`, at length 1."""
    import numpy as np

    word = weights[f"{_EMBEDDINGS}word_embeddings.weight"]
    place = weights[f"{_EMBEDDINGS}position_embeddings.weight"]
    kind = weights[f"{_EMBEDDINGS}token_type_embeddings.weight"]
    x = word[list(ids)] + place[: len(ids)] + kind[0]
    x = _normalize(x, weights, f"{_EMBEDDINGS}LayerNorm")
    for layer in range(LAYERS):
        x = _layer(x, weights, f"encoder.layer.{layer}.")
    mean = x.mean(axis=0)
    return (mean / np.linalg.norm(mean)).astype(np.float32)


def _layer(x: Array, weights: dict[str, Array], prefix: str) -> Array:
    attended = _linear(_attend(x, weights, prefix), weights, f"{prefix}attention.output.dense")
    x = _normalize(x + attended, weights, f"{prefix}attention.output.LayerNorm")
    wide = _gelu(_linear(x, weights, f"{prefix}intermediate.dense"))
    narrow = _linear(wide, weights, f"{prefix}output.dense")
    return _normalize(x + narrow, weights, f"{prefix}output.LayerNorm")


def _attend(x: Array, weights: dict[str, Array], prefix: str) -> Array:
    import numpy as np

    size = WIDTH // HEADS
    query, key, value = (
        _linear(x, weights, f"{prefix}attention.self.{part}")
        .reshape(len(x), HEADS, size)
        .transpose(1, 0, 2)
        for part in ("query", "key", "value")
    )
    scores = query @ key.transpose(0, 2, 1) / math.sqrt(size)
    scores = np.exp(scores - scores.max(axis=-1, keepdims=True))
    scores /= scores.sum(axis=-1, keepdims=True)
    return (scores @ value).transpose(1, 0, 2).reshape(len(x), WIDTH)


def _linear(x: Array, weights: dict[str, Array], name: str) -> Array:
    return x @ weights[f"{name}.weight"].T + weights[f"{name}.bias"]


def _normalize(x: Array, weights: dict[str, Array], name: str) -> Array:
    import numpy as np

    centred = x - x.mean(axis=-1, keepdims=True)
    spread = np.sqrt((centred * centred).mean(axis=-1, keepdims=True) + EPSILON)
    return centred / spread * weights[f"{name}.weight"] + weights[f"{name}.bias"]


def _gelu(x: Array) -> Array:
    """x times the normal distribution, by a rational approximation good to 1e-7."""
    import numpy as np

    z = np.abs(x) / math.sqrt(2)
    t = 1 / (1 + 0.3275911 * z)
    series = 1.061405429
    for factor in (-1.453152027, 1.421413741, -0.284496736, 0.254829592):
        series = series * t + factor
    tail = 0.5 * series * t * np.exp(-z * z)
    return x * np.where(x >= 0, 1 - tail, tail)
