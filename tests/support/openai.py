"""The official OpenAI client before a living project."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from openai import AsyncOpenAI
from support.served import Served, served

from muxi.models.scripted import ScriptedModel


@asynccontextmanager
async def talking(
    folder: Path, script: Any, **declared: Any
) -> AsyncGenerator[tuple[Served, AsyncOpenAI, ScriptedModel]]:
    """A project whose model answers as `script` says, its client, and the model."""
    model = script if isinstance(script, ScriptedModel) else ScriptedModel(script)
    async with served(folder, model, **declared) as muxi:
        token = muxi.runtime.state.token()
        client = AsyncOpenAI(base_url=f"{muxi.url}/v1", api_key=token, max_retries=0)
        async with client:
            yield muxi, client, model
