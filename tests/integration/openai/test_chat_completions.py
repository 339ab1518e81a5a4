"""Chat completions, as the official Python client speaks them."""

from __future__ import annotations

import asyncio
import base64
from pathlib import Path
from typing import Any

import openai
import pytest
from openai import OpenAI
from pydantic import BaseModel
from support.openai import talking

from muxi.core.errors import ModelRejected
from muxi.core.messages import AudioPart, FilePart, ImagePart, ReasoningPart, RefusalPart, TextPart
from muxi.core.requests import ModelRequest
from muxi.models.scripted import Reply, ScriptedModel, call

PNG = base64.b64encode(b"\x89PNG\r\n\x1a\n").decode()
WEATHER: Any = {
    "type": "function",
    "function": {
        "name": "weather",
        "description": "The weather in a city",
        "parameters": {
            "type": "object",
            "properties": {"city": {"type": "string"}},
            "required": ["city"],
            "additionalProperties": False,
        },
        "strict": True,
    },
}
ASK: Any = [{"role": "user", "content": "How is the weather in Oslo?"}]


def _asked(model: ScriptedModel) -> ModelRequest:
    return model.requests[-1]


async def test_agents_are_the_models(tmp_path: Path) -> None:
    agents = {"a": {"name": "a", "description": "First"}, "b": {"name": "b"}}
    async with talking(tmp_path, [], agents=agents) as (_, client, _m):
        assert [each.id async for each in client.models.list()] == ["a", "b"]
        one = await client.models.retrieve("b")
        assert (one.id, one.object, one.owned_by) == ("b", "model", "muxi")
        with pytest.raises(openai.NotFoundError) as missing:
            await client.models.retrieve("gpt-5")
        assert missing.value.code == "model_not_found"


async def test_an_answer_comes_whole_with_its_usage(tmp_path: Path) -> None:
    async with talking(tmp_path, ["It rains.", "Still."]) as (muxi, client, model):
        raw = await client.chat.completions.with_raw_response.create(
            model="a",
            messages=[
                {"role": "system", "content": "Be brief."},
                {"role": "developer", "content": [{"type": "text", "text": "Be kind."}]},
                *ASK,
            ],
            temperature=0.5,
            top_p=0.9,
            max_completion_tokens=50,
            stop=["END"],
            seed=7,
            reasoning_effort="low",
            parallel_tool_calls=False,
            user="ann",
            metadata={"a": "b"},
            n=1,
            frequency_penalty=0,
            store=True,
        )
        done = raw.parse()
        (choice,) = done.choices
        assert (choice.message.content, choice.finish_reason) == ("It rains.", "stop")
        assert (done.model, done.object) == ("a", "chat.completion")
        assert done.usage is not None
        assert done.usage.total_tokens == done.usage.prompt_tokens + done.usage.completion_tokens
        assert done.usage.completion_tokens > 0
        asked = _asked(model)
        assert asked.instructions.endswith("Be brief.\n\nBe kind.")
        settings = asked.settings
        assert (settings.temperature, settings.top_p, settings.max_tokens) == (0.5, 0.9, 50)
        assert (settings.stop, settings.seed, settings.reasoning) == (("END",), 7, "low")
        assert settings.parallel_tool_calls is False
        run = await muxi.client.run(raw.headers["x-run-id"])
        assert run.terms is not None
        assert run.terms.kept == {"metadata": {"a": "b"}, "user": "ann"}
        again = await client.chat.completions.create(
            model="a",
            messages=[*ASK, choice.message.model_dump(), {"role": "user", "content": "And now?"}],  # pyright: ignore[reportArgumentType] -- an answer, sent back as it came
        )
        assert again.choices[0].message.content == "Still."
        assert [message.text for message in _asked(model).messages] == [
            "How is the weather in Oslo?",
            "It rains.",
            "And now?",
        ]


async def test_an_answer_is_streamed_with_usage_at_the_end(tmp_path: Path) -> None:
    thought = Reply(parts=[ReasoningPart(text="Hm, rain."), TextPart(text="It rains a lot.")])
    async with talking(tmp_path, [thought]) as (_, client, _m):
        stream = await client.chat.completions.create(
            model="a", messages=ASK, stream=True, stream_options={"include_usage": True}
        )
        chunks = [chunk async for chunk in stream]
        first, *_, end, usage = chunks
        assert first.choices[0].delta.role == "assistant"
        text = [chunk.choices[0].delta.content or "" for chunk in chunks if chunk.choices]
        assert "".join(text) == "It rains a lot."
        assert len([piece for piece in text if piece]) > 1
        thoughts = [
            getattr(chunk.choices[0].delta, "reasoning_content", None) or ""
            for chunk in chunks
            if chunk.choices
        ]
        assert "".join(thoughts) == "Hm, rain."
        assert end.choices[0].finish_reason == "stop"
        assert usage.usage is not None
        assert usage.usage.completion_tokens > 0
        assert len({chunk.id for chunk in chunks}) == 1


def rain(city: str) -> str:
    """The rain."""
    return f"wet in {city}"


@pytest.mark.parametrize("streamed", [False, True])
async def test_tools_of_the_client_and_of_the_agent_work_in_one_answer(
    tmp_path: Path, streamed: bool
) -> None:
    script = [
        [TextPart(text="I look."), call("rain", city="Oslo"), call("weather", city="Oslo")],
        "Wet and cold.",
    ]
    agents = {"a": {"name": "a", "tools": ["rain"]}}
    async with talking(tmp_path, script, tools={"rain": rain}, agents=agents) as talk:
        muxi, client, model = talk
        if streamed:
            async with client.chat.completions.stream(
                model="a",
                messages=ASK,
                tools=[WEATHER],
                store=True,
                stream_options={"include_usage": True},
            ) as stream:
                first = await stream.get_final_completion()
        else:
            first = await client.chat.completions.create(
                model="a", messages=ASK, tools=[WEATHER], store=True
            )
        choice = first.choices[0]
        assert choice.finish_reason == "tool_calls"
        assert choice.message.content == "I look."
        assert choice.message.tool_calls is not None
        (made,) = choice.message.tool_calls
        assert made.type == "function"
        assert (made.function.name, made.function.arguments) == ("weather", '{"city":"Oslo"}')
        raw = await client.chat.completions.with_raw_response.create(
            model="a",
            messages=[
                *ASK,
                choice.message.model_dump(exclude_none=True),  # pyright: ignore[reportArgumentType] -- an answer, sent back as it came
                {"role": "tool", "tool_call_id": made.id, "content": "cold"},
            ],
            tools=[WEATHER],
            store=True,
        )
        second = raw.parse()
        assert second.choices[0].message.content == "Wet and cold."
        assert second.choices[0].finish_reason == "stop"
        assert second.id != first.id
        said = _asked(model).messages
        assert [message.role for message in said] == ["user", "assistant", "tool"]
        texts = [part.text for part in said[-1].parts]  # pyright: ignore[reportAttributeAccessIssue, reportUnknownMemberType, reportUnknownVariableType] -- results have texts
        assert texts == ["wet in Oslo", "cold"]
        assert second.usage is not None
        assert first.usage is not None
        whole = (await muxi.client.run(raw.headers["x-run-id"])).usage
        assert whole.input_tokens == first.usage.prompt_tokens + second.usage.prompt_tokens


async def test_results_that_nobody_waits_for_begin_a_new_run(tmp_path: Path) -> None:
    async with talking(tmp_path, ["Cold.", "Very."]) as (_, client, model):
        messages: Any = [
            *ASK,
            {
                "role": "assistant",
                "tool_calls": [
                    {
                        "id": "theirs",
                        "type": "function",
                        "function": {"name": "weather", "arguments": '{"city": "Oslo"}'},
                    }
                ],
            },
            {"role": "tool", "tool_call_id": "theirs", "content": "-20"},
        ]
        done = await client.chat.completions.create(model="a", messages=messages, tools=[WEATHER])
        assert done.choices[0].message.content == "Cold."
        assert [message.role for message in _asked(model).messages] == ["user", "assistant", "tool"]
        more: Any = [*messages, {"role": "user", "content": "How cold?"}]
        done = await client.chat.completions.create(model="a", messages=more)
        assert done.choices[0].message.content == "Very."
        assert _asked(model).messages[-1].text == "How cold?"


async def test_a_choice_of_tools_is_kept(tmp_path: Path) -> None:
    script = [call("weather", city="Oslo"), call("weather", city="Oslo"), "Hello."]
    other: Any = {"type": "function", "function": {"name": "other"}}
    async with talking(tmp_path, script) as (_, client, model):
        for choice in ("required", {"type": "function", "function": {"name": "weather"}}):
            done = await client.chat.completions.create(
                model="a",
                messages=ASK,
                tools=[WEATHER, other],
                tool_choice=choice,  # pyright: ignore[reportArgumentType] -- either form
            )
            assert done.choices[0].finish_reason == "tool_calls"
            assert _asked(model).tool_choice != "auto"
        await client.chat.completions.create(
            model="a", messages=ASK, tools=[WEATHER], tool_choice="none"
        )
        assert _asked(model).tools == ()


class Forecast(BaseModel):
    city: str
    degrees: int


async def test_an_answer_has_the_shape_that_was_asked_for(tmp_path: Path) -> None:
    right = '{"city":"Oslo","degrees":3}'
    async with talking(tmp_path, ["no json", right, right, right, "[]", "{}"]) as talk:
        _, client, model = talk
        done = await client.chat.completions.parse(
            model="a", messages=ASK, response_format=Forecast
        )
        assert done.choices[0].message.parsed == Forecast(city="Oslo", degrees=3)
        asked = _asked(model).output
        assert asked is not None
        assert asked.name == "Forecast"
        assert asked.strict
        async with client.chat.completions.stream(
            model="a", messages=ASK, response_format=Forecast
        ) as stream:
            last = await stream.get_final_completion()
        assert last.choices[0].message.parsed == Forecast(city="Oslo", degrees=3)
        done = await client.chat.completions.create(
            model="a", messages=ASK, response_format={"type": "json_object"}
        )
        assert done.choices[0].message.content == right


async def test_pictures_sound_and_files_reach_the_model(tmp_path: Path) -> None:
    async with talking(tmp_path, ["Seen."]) as (_, client, model):
        content: Any = [
            {"type": "text", "text": "What is this?"},
            {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}"}},
            {"type": "image_url", "image_url": {"url": "https://example.org/a.png"}},
            {"type": "input_audio", "input_audio": {"data": PNG, "format": "wav"}},
            {
                "type": "file",
                "file": {"filename": "a.pdf", "file_data": f"data:application/pdf;base64,{PNG}"},
            },
        ]
        await client.chat.completions.create(
            model="a", messages=[{"role": "user", "content": content}]
        )
        text, image, linked, audio, file = _asked(model).messages[0].parts
        assert isinstance(text, TextPart)
        assert isinstance(image, ImagePart)
        assert image.data == base64.b64decode(PNG)
        assert isinstance(linked, ImagePart)
        assert linked.url == "https://example.org/a.png"
        assert isinstance(audio, AudioPart)
        assert isinstance(file, FilePart)
        assert (file.media_type, file.name) == ("application/pdf", "a.pdf")


REFUSED: list[tuple[Any, str]] = [
    ({"n": 2}, "n"),
    ({"logprobs": True}, "logprobs"),
    ({"logit_bias": {"1": 2}}, "logit_bias"),
    ({"presence_penalty": 1.0}, "presence_penalty"),
    ({"modalities": ["audio"]}, "modalities"),
    ({"temperature": 3}, "temperature"),
    ({"extra_body": {"functions": []}}, "functions"),
    ({"messages": []}, "messages"),
    ({"messages": [{"role": "assistant", "content": "Hi"}]}, "messages"),
    ({"messages": [{"role": "tool", "tool_call_id": "x", "content": "y"}]}, "messages.0"),
    ({"messages": [{"role": "function", "name": "x", "content": "y"}]}, "messages.0"),
    ({"tools": [{"type": "custom", "custom": {"name": "x"}}]}, "tools.0"),
    ({"tool_choice": "required"}, "tool_choice"),
    (
        {
            "messages": [
                {
                    "role": "user",
                    "content": [{"type": "image_url", "image_url": {"url": "file:///etc/x"}}],
                }
            ]
        },
        "messages.0.content.0",
    ),
]


async def test_what_cannot_be_done_is_refused_by_name(tmp_path: Path) -> None:
    async with talking(tmp_path, []) as (_, client, _m):
        for change, param in REFUSED:
            body: Any = {"model": "a", "messages": ASK, **change}
            with pytest.raises(openai.BadRequestError) as refused:
                await client.chat.completions.create(**body)
            assert refused.value.param is not None
            assert refused.value.param.startswith(param), refused.value.param
            assert refused.value.type == "invalid_request_error"


async def test_errors_have_the_form_of_the_protocol(tmp_path: Path) -> None:
    refusal = Reply(parts=[RefusalPart(text="I will not.")])
    script = [ModelRejected("No.", model="m"), ModelRejected("No.", model="m"), refusal, refusal]
    async with talking(tmp_path, script) as (muxi, client, _m):
        with pytest.raises(openai.NotFoundError) as missing:
            await client.chat.completions.create(model="gpt-5", messages=ASK)
        assert (missing.value.code, missing.value.param) == ("model_not_found", "model")
        with pytest.raises(openai.APIStatusError) as failed:
            await client.chat.completions.create(model="a", messages=ASK)
        assert (failed.value.status_code, failed.value.code) == (502, "model_rejected")
        stream = await client.chat.completions.create(model="a", messages=ASK, stream=True)
        with pytest.raises(openai.APIError) as broken:
            async for _ in stream:
                pass
        assert broken.value.code == "model_rejected"
        done = await client.chat.completions.create(model="a", messages=ASK)
        assert done.choices[0].message.refusal == "I will not."
        assert done.choices[0].message.content is None
        stranger = client.with_options(api_key="wrong")
        with pytest.raises(openai.AuthenticationError):
            await stranger.chat.completions.create(model="a", messages=ASK)
        async with muxi.http.post(f"{muxi.url}/v1/chat/completions", data=b"{") as answer:
            assert answer.status == 400
            assert set(await answer.json()) == {"error"}


async def test_a_run_that_waits_for_a_person_says_so(tmp_path: Path) -> None:
    agents = {"a": {"name": "a", "tools": ["rain"], "approve": ["rain"]}}
    script = [call("rain", city="Oslo")]
    async with talking(tmp_path, script, tools={"rain": rain}, agents=agents) as (_, client, _m):
        with pytest.raises(openai.ConflictError) as waiting:
            await client.chat.completions.create(model="a", messages=ASK)
        assert "rain" in waiting.value.message


async def test_the_synchronous_client_works_too(tmp_path: Path) -> None:
    async with talking(tmp_path, ["One two three.", "Four five."]) as (muxi, _, _m):
        token = muxi.runtime.state.token()

        def talk() -> tuple[str | None, str]:
            with OpenAI(base_url=f"{muxi.url}/v1", api_key=token) as client:
                whole = client.chat.completions.create(model="a", messages=ASK)
                stream = client.chat.completions.create(model="a", messages=ASK, stream=True)
                pieces = [chunk.choices[0].delta.content or "" for chunk in stream]
                return whole.choices[0].message.content, "".join(pieces)

        assert await asyncio.to_thread(talk) == ("One two three.", "Four five.")


async def test_an_upload_is_named_by_its_id(tmp_path: Path) -> None:
    async with talking(tmp_path, ["Seen.", "Seen."]) as (_, client, model):
        made = await client.files.create(file=("a.png", base64.b64decode(PNG)), purpose="user_data")
        assert (made.filename, made.bytes, made.purpose) == ("a.png", 8, "user_data")
        assert [each.id async for each in client.files.list()] == [made.id]
        assert (await client.files.content(made.id)).read() == base64.b64decode(PNG)
        content: Any = [
            {"type": "text", "text": "What is this?"},
            {"type": "file", "file": {"file_id": made.id}},
        ]
        await client.chat.completions.create(
            model="a", messages=[{"role": "user", "content": content}]
        )
        items: Any = [
            {"role": "user", "content": [{"type": "input_image", "file_id": made.id}]},
        ]
        await client.responses.create(model="a", input=items)
        for request in model.requests:
            image = request.messages[0].parts[-1]
            assert isinstance(image, ImagePart)
            assert image.data == base64.b64decode(PNG)
        await client.files.delete(made.id)
        with pytest.raises(openai.NotFoundError):
            await client.files.retrieve(made.id)
        with pytest.raises(openai.NotFoundError):
            await client.responses.create(model="a", input=items)
