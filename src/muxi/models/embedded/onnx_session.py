"""MiniLM on onnxruntime: the fast way to embed many texts. Called by `minilm`.

The graph is made in memory from the verified weights at each load, so no second file can be stale
or exchanged.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from muxi.models.embedded.engine import default_threads
from muxi.models.embedded.onnx_graph import build
from muxi.models.embedded.tensors import read_tensors

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_BATCH: Final = 32


class OnnxSession:
    """A loaded graph."""

    def __init__(self, weights: Path) -> None:
        onnxruntime: Any = import_module("onnxruntime")
        options: Any = onnxruntime.SessionOptions()
        options.intra_op_num_threads = default_threads()
        options.inter_op_num_threads = 1
        options.log_severity_level = 3
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        self._session: Any = onnxruntime.InferenceSession(
            build(read_tensors(weights)), options, providers=["CPUExecutionProvider"]
        )

    def run(self, texts: Sequence[Sequence[int]]) -> NDArray[np.float32]:
        """One unit vector for each sequence of token ids."""
        import numpy as np

        out: list[NDArray[np.float32]] = [np.empty(0, np.float32)] * len(texts)
        order = sorted(range(len(texts)), key=lambda index: len(texts[index]))
        for start in range(0, len(order), _BATCH):
            chosen = order[start : start + _BATCH]
            longest = len(texts[chosen[-1]])
            ids = np.zeros((len(chosen), longest), np.int64)
            mask = np.zeros_like(ids)
            for row, index in enumerate(chosen):
                ids[row, : len(texts[index])] = texts[index]
                mask[row, : len(texts[index])] = 1
            vectors = self._session.run(None, {"ids": ids, "mask": mask})[0]
            for row, index in enumerate(chosen):
                out[index] = vectors[row]
        return np.stack(out)
