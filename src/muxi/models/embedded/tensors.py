"""Reading of weight files in the safetensors format: a length, a JSON header, raw numbers.

Called by the two embedders of this room. It reads data only and runs nothing from the file.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_KINDS: Final = {"F32": "<f4", "F16": "<f2", "F64": "<f8", "I64": "<i8", "I32": "<i4", "U8": "u1"}
_HEADER_LIMIT: Final = 10_000_000


def read_tensors(path: Path) -> dict[str, NDArray[np.float32]]:
    """Every tensor of the file at `path`, as float32.

    Raises:
        ValueError: The file is not in this format.
    """
    import numpy as np

    data = path.read_bytes()
    length = int.from_bytes(data[:8], "little")
    if not 0 < length <= min(_HEADER_LIMIT, len(data) - 8):
        raise ValueError(f"{path.name} is not a safetensors file")
    header: dict[str, Any] = json.loads(data[8 : 8 + length])
    header.pop("__metadata__", None)
    body = memoryview(data)[8 + length :]
    tensors: dict[str, NDArray[np.float32]] = {}
    for name, entry in header.items():
        begin, end = entry["data_offsets"]
        values = np.frombuffer(body[begin:end], dtype=_KINDS[entry["dtype"]])
        tensors[name] = values.reshape(entry["shape"]).astype(np.float32)
    return tensors
