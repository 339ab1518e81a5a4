"""Files are sent to providers as the official clients of these send them."""

from __future__ import annotations

import asyncio
import io
from functools import partial
from typing import Any

import anthropic
import openai
import pytest
from google import genai
from support.keepers import KEY, Keeper, keeper, stores_before

from muxi.core.keeping import Upload

pytestmark = pytest.mark.ci

PDF = Upload(data=b"%PDF-1.7 " + b"words " * 50, kind="file", media_type="application/pdf")
PNG = Upload(data=b"\x89PNG\r\n\x1a\n" + b"dots" * 50, kind="image", media_type="image/png")


async def send_officially(made: Keeper, provider: str, upload: Upload, name: str) -> str:
    """The provider's own client sends a file; gives what it is called then."""
    seconds = 30 * 86_400
    file = (name, upload.data, upload.media_type)
    if provider == "openai":
        async with openai.AsyncOpenAI(api_key=KEY, base_url=made.base_url(provider)) as client:
            purpose: Any = "vision" if upload.kind == "image" else "user_data"
            ends: Any = {"anchor": "created_at", "seconds": seconds}
            return (await client.files.create(file=file, purpose=purpose, expires_after=ends)).id
    if provider == "anthropic":
        address = made.base_url(provider).removesuffix("/v1")
        async with anthropic.AsyncAnthropic(api_key=KEY, base_url=address) as client:
            sent = await client.beta.files.upload(
                file=file, expires_in_seconds=seconds, betas=["files-api-2025-04-14"]
            )
            return sent.id
    # The asynchronous one derives from a class of aiohttp, which warns of that.
    options = genai.types.HttpOptions(base_url=made.url, api_version="v1beta")
    with genai.Client(api_key=KEY, http_options=options) as client:
        given: Any = {"mime_type": upload.media_type}
        send = partial(client.files.upload, file=io.BytesIO(upload.data), config=given)
        uploaded = await asyncio.to_thread(send)
        assert uploaded.uri is not None
        return uploaded.uri


@pytest.mark.parametrize("provider", ["openai", "anthropic", "google"])
@pytest.mark.parametrize("upload", [PDF, PNG], ids=["document", "image"])
async def test_a_file_is_sent_as_the_official_client_sends_it(
    provider: str, upload: Upload
) -> None:
    async with keeper() as made, stores_before(made) as stores:
        ours = await stores.of(provider).put(upload)
        made.host = made.url  # where the official one goes whatever host that is
        theirs = await send_officially(made, provider, upload, made.sent[0].name)
    assert made.sent[0] == made.sent[1]
    assert made.sent[0].data == upload.data
    assert ours.id.replace("file-1", "file-2") == theirs
    assert ours.expires_at is not None, "nothing stays there for ever"
