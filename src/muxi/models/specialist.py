"""A model for one thing other than talk, behind one endpoint.

The base of models that make pictures, read aloud, and write down what is said.
"""

from __future__ import annotations

from muxi.models.endpoint import Endpoint


class Specialist:
    """One model behind one endpoint.

    Args:
        name: `provider/model`.
        endpoint: Where the provider listens.
    """

    def __init__(self, name: str, endpoint: Endpoint) -> None:
        self.name = name
        self.provider, _, self.model = name.partition("/")
        self._endpoint = endpoint

    async def close(self) -> None:
        """Release connections. It is not used afterwards."""
        await self._endpoint.close()
