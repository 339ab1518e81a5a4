"""Embeddings by all-MiniLM-L6-v2: better than the static table, and 91 MB to fetch.

Runs on `onnxruntime` when that is installed and in numpy otherwise, with the same vectors. Used by
the tool router, and by memory and knowledge when the project asks for it.
"""

from __future__ import annotations

import asyncio
import importlib.util
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from muxi.models.embedded import transformer
from muxi.models.embedded.tensors import read_tensors
from muxi.models.embedded.weights import MINILM, MINILM_TOKENIZER, Progress, WeightStore

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_LONGEST: Final = 256
"""Tokens of one text that the model was trained to read."""

Run = Callable[[Sequence[Sequence[int]]], "NDArray[np.float32]"]


class MiniLMEmbedder:
    """Sentence vectors, 384 wide. Weights are fetched and loaded at the first text."""

    name = "embedded/all-MiniLM-L6-v2"
    dimensions = 384

    def __init__(self, folder: Path | None = None, *, progress: Progress | None = None) -> None:
        self._store = WeightStore(folder)
        self._progress = progress
        self._lock = threading.Lock()
        self._loaded: tuple[Any, Run] | None = None

    async def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """One unit vector a text.

        Raises:
            WeightsUnavailable: The weights are not here and could not be fetched.
        """
        return await asyncio.to_thread(self.vectors, texts)

    def vectors(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """The same as `embed`, for callers that already are off the event loop."""
        import numpy as np

        tokenizer, run = self._load()
        if not texts:
            return np.zeros((0, self.dimensions), dtype=np.float32)
        return run([encoding.ids for encoding in tokenizer.encode_batch(list(texts))])

    async def close(self) -> None:
        self._loaded = None

    def _load(self) -> tuple[Any, Run]:
        with self._lock:
            if self._loaded is None:
                from tokenizers import Tokenizer

                weights, vocabulary = self._store.fetch(
                    MINILM, MINILM_TOKENIZER, progress=self._progress
                )
                tokenizer: Any = Tokenizer.from_file(str(vocabulary))
                tokenizer.no_padding()
                tokenizer.enable_truncation(_LONGEST)
                self._loaded = tokenizer, _runner(weights)
            return self._loaded


def _runner(weights: Path) -> Run:
    if importlib.util.find_spec("onnxruntime") is not None:
        from muxi.models.embedded.onnx_session import OnnxSession

        return OnnxSession(weights).run
    tensors = read_tensors(weights)

    def run(batch: Sequence[Sequence[int]]) -> NDArray[np.float32]:
        import numpy as np

        return np.stack([transformer.encode(tensors, ids) for ids in batch])

    return run
