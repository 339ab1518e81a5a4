"""Embeddings from a static table of word pieces: fast, small, and in the wheel of `wordllama`.

The table and its tokenizer are read as data files from the installed package; its own loader is
not used, because it looks for the tokenizer in a folder that the wheel does not have and then goes
to the network. Used by the tool router and, as the default embedder, by memory and knowledge.
"""

from __future__ import annotations

import asyncio
import importlib.util
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from muxi.core.errors import MissingExtra
from muxi.models.embedded.tensors import read_tensors

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_TABLE: Final = Path("weights") / "l2_supercat_256.safetensors"
_TOKENIZER: Final = Path("tokenizers") / "l2_supercat_tokenizer_config.json"
_LONGEST: Final = 100_000
"""Characters of one text that are read; what follows hardly moves an average."""


class StaticEmbedder:
    """Averages of word vectors, 256 wide; no download, loaded at the first text."""

    name = "embedded/wordllama-256"
    dimensions = 256

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._loaded: tuple[NDArray[np.float32], Any] | None = None

    async def embed(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """One unit vector a text; a text without any word gives the zero vector.

        Raises:
            MissingExtra: `wordllama` is not installed.
        """
        return await asyncio.to_thread(self.vectors, texts)

    def vectors(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """The same as `embed`, for callers that already are off the event loop."""
        import numpy as np

        table, tokenizer = self._load()
        out = np.zeros((len(texts), self.dimensions), dtype=np.float32)
        encodings = tokenizer.encode_batch(
            [text[:_LONGEST] for text in texts], add_special_tokens=False
        )
        for row, encoding in enumerate(encodings):
            if encoding.ids:
                out[row] = table[encoding.ids].mean(axis=0)
        norms = np.linalg.norm(out, axis=1, keepdims=True)
        return (out / np.where(norms == 0, 1, norms)).astype(np.float32)

    async def close(self) -> None:
        self._loaded = None

    def _load(self) -> tuple[NDArray[np.float32], Any]:
        with self._lock:
            if self._loaded is None:
                from tokenizers import Tokenizer

                folder = _package_folder()
                (table,) = read_tensors(folder / _TABLE).values()
                tokenizer: Any = Tokenizer.from_file(str(folder / _TOKENIZER))
                # It takes a whole text for one word, and would keep the pieces of 10,000 of them.
                tokenizer.model._resize_cache(0)  # noqa: SLF001 -- the only name it has
                self._loaded = table, tokenizer
            return self._loaded


def _package_folder() -> Path:
    spec = importlib.util.find_spec("wordllama")
    if spec is None or spec.origin is None:
        raise MissingExtra(
            "The embedded embeddings need the package `wordllama`.",
            hint="Install it with `pip install wordllama`.",
        )
    return Path(spec.origin).parent
