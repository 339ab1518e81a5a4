"""The same BERT as in `transformer`, written as an ONNX graph from its weights.

Called by `onnx_session`. ONNX is protocol buffers, and the few messages that a graph needs are
written here by hand, so that nothing must be installed for a conversion that happens once.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from muxi.models.embedded.transformer import EPSILON, HEADS, LAYERS, WIDTH

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Array = NDArray[np.float32] | NDArray[np.int64]

_IR: Final = 8
_OPSET: Final = 17
_FLOAT: Final = 1
_INT: Final = 7
Attribute = int | float | Sequence[int]


def _varint(value: int) -> bytes:
    value &= (1 << 64) - 1
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def _number(field: int, value: int) -> bytes:
    return _varint(field << 3) + _varint(value)


def _bytes(field: int, value: bytes | str) -> bytes:
    raw = value.encode() if isinstance(value, str) else value
    return _varint(field << 3 | 2) + _varint(len(raw)) + raw


def _attribute(name: str, value: Attribute) -> bytes:
    out = _bytes(1, name)
    if isinstance(value, float):
        out += _varint(2 << 3 | 5) + struct.pack("<f", value) + _number(20, 1)
    elif isinstance(value, int):
        out += _number(3, value) + _number(20, 2)
    else:
        out += b"".join(_number(8, item) for item in value) + _number(20, 7)
    return out


def _tensor(name: str, values: Array) -> bytes:
    kind = _INT if values.dtype.kind == "i" else _FLOAT
    sizes = b"".join(_number(1, size) for size in values.shape)
    return sizes + _number(2, kind) + _bytes(8, name) + _bytes(9, values.tobytes())


def _port(name: str, kind: int, dimensions: Sequence[int | str]) -> bytes:
    shape = b"".join(
        _bytes(1, _number(1, size) if isinstance(size, int) else _bytes(2, size))
        for size in dimensions
    )
    return _bytes(1, name) + _bytes(2, _bytes(1, _number(1, kind) + _bytes(2, shape)))


class _Graph:
    """Nodes and constants as they come; every node has one output, whose name is returned."""

    def __init__(self, weights: dict[str, NDArray[np.float32]]) -> None:
        self._weights = weights
        self._parts: list[bytes] = []
        self._stored: set[str] = set()
        self._count = 0

    def node(self, kind: str, *inputs: str, **attributes: Attribute) -> str:
        self._count += 1
        name = f"v{self._count}"
        body = b"".join(_bytes(1, item) for item in inputs) + _bytes(2, name) + _bytes(4, kind)
        body += b"".join(_bytes(5, _attribute(key, value)) for key, value in attributes.items())
        self._parts.append(_bytes(1, body))
        return name

    def constant(self, values: Array) -> str:
        self._count += 1
        name = f"c{self._count}"
        self._parts.append(_bytes(5, _tensor(name, values)))
        return name

    def weight(self, name: str, *, turned: bool = False) -> str:
        if name not in self._stored:
            import numpy as np

            self._stored.add(name)
            values = self._weights[name]
            values = np.ascontiguousarray(values.T) if turned else values
            self._parts.append(_bytes(5, _tensor(name, values)))
        return name

    def linear(self, x: str, name: str) -> str:
        product = self.node("MatMul", x, self.weight(f"{name}.weight", turned=True))
        return self.node("Add", product, self.weight(f"{name}.bias"))

    def normal(self, x: str, name: str) -> str:
        scale, bias = self.weight(f"{name}.weight"), self.weight(f"{name}.bias")
        return self.node("LayerNormalization", x, scale, bias, axis=-1, epsilon=float(EPSILON))

    def model(self, output: str) -> bytes:
        graph = b"".join(self._parts) + _bytes(2, "minilm")
        for name in ("ids", "mask"):
            graph += _bytes(11, _port(name, _INT, ("batch", "length")))
        graph += _bytes(12, _port(output, _FLOAT, ("batch", WIDTH)))
        opset = _bytes(1, "") + _number(2, _OPSET)
        return _number(1, _IR) + _bytes(2, "muxi") + _bytes(7, graph) + _bytes(8, opset)


def build(weights: dict[str, NDArray[np.float32]]) -> bytes:
    """The model: token ids and a mask of the real ones in, one unit vector a text out."""
    import numpy as np

    graph = _Graph(weights)
    length = graph.node("Gather", graph.node("Shape", "ids"), graph.constant(np.array(1)), axis=0)
    zero, one = graph.constant(np.array(0)), graph.constant(np.array(1))
    places = graph.node("Range", zero, length, one)
    words = graph.node("Gather", graph.weight("embeddings.word_embeddings.weight"), "ids")
    at = graph.node("Gather", graph.weight("embeddings.position_embeddings.weight"), places)
    kinds = graph.weight("embeddings.token_type_embeddings.weight")
    x = graph.node("Add", graph.node("Add", words, at), graph.node("Gather", kinds, zero))
    x = graph.normal(x, "embeddings.LayerNorm")
    real = graph.node("Cast", "mask", to=_FLOAT)
    hidden = graph.node("Sub", graph.constant(np.array([1.0], np.float32)), real)
    penalty = graph.node("Mul", hidden, graph.constant(np.array([-1e9], np.float32)))
    penalty = graph.node("Unsqueeze", penalty, graph.constant(np.array([1, 2])))
    for layer in range(LAYERS):
        x = _layer(graph, x, penalty, f"encoder.layer.{layer}.")
    wide = graph.node("Unsqueeze", real, graph.constant(np.array([2])))
    total = graph.node("ReduceSum", graph.node("Mul", x, wide), one_axis(graph), keepdims=0)
    return graph.model(graph.node("LpNormalization", total, axis=1, p=2))


def one_axis(graph: _Graph) -> str:
    import numpy as np

    return graph.constant(np.array([1]))


def _layer(graph: _Graph, x: str, penalty: str, prefix: str) -> str:
    import numpy as np

    split = graph.constant(np.array([0, 0, HEADS, WIDTH // HEADS]))
    heads = [
        graph.node("Reshape", graph.linear(x, f"{prefix}attention.self.{part}"), split)
        for part in ("query", "key", "value")
    ]
    query = graph.node("Transpose", heads[0], perm=(0, 2, 1, 3))
    key = graph.node("Transpose", heads[1], perm=(0, 2, 3, 1))
    value = graph.node("Transpose", heads[2], perm=(0, 2, 1, 3))
    scale = graph.constant(np.array([1 / math.sqrt(WIDTH // HEADS)], np.float32))
    scores = graph.node("Mul", graph.node("MatMul", query, key), scale)
    odds = graph.node("Softmax", graph.node("Add", scores, penalty), axis=-1)
    seen = graph.node("Transpose", graph.node("MatMul", odds, value), perm=(0, 2, 1, 3))
    merged = graph.node("Reshape", seen, graph.constant(np.array([0, 0, WIDTH])))
    merged = graph.linear(merged, f"{prefix}attention.output.dense")
    x = graph.normal(graph.node("Add", x, merged), f"{prefix}attention.output.LayerNorm")
    inner = graph.linear(x, f"{prefix}intermediate.dense")
    root = graph.node("Mul", inner, graph.constant(np.array([1 / math.sqrt(2)], np.float32)))
    share = graph.node("Add", graph.node("Erf", root), graph.constant(np.array([1.0], np.float32)))
    inner = graph.node(
        "Mul", graph.node("Mul", inner, share), graph.constant(np.array([0.5], np.float32))
    )
    inner = graph.linear(inner, f"{prefix}output.dense")
    return graph.normal(graph.node("Add", x, inner), f"{prefix}output.LayerNorm")
