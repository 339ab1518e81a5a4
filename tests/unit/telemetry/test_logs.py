"""Logs are structured and hold no secret."""

from __future__ import annotations

import io
import json
import logging
import subprocess
import sys
from collections.abc import Iterator

import pytest

from muxi.telemetry.logs import set_up_logs
from muxi.telemetry.redaction import MASK, Redactor


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    names = ("muxi", "uvicorn")
    before = {name: (list(logging.getLogger(name).handlers),) for name in names}
    levels = {name: logging.getLogger(name).level for name in names}
    yield io.StringIO()
    for name in names:
        logger = logging.getLogger(name)
        logger.handlers[:] = before[name][0]
        logger.setLevel(levels[name])
        logger.propagate = True


def test_a_known_secret_is_masked_wherever_it_stands() -> None:
    redactor = Redactor()
    redactor.learn("hunter2hunter2")
    redactor.learn("hunter2hunter2-and-more")
    text = redactor.redact("key=hunter2hunter2-and-more&x=hunter2hunter2 end")
    assert "hunter2" not in text
    assert text.endswith("end")
    assert "hunter" not in repr(redactor)


@pytest.mark.parametrize(
    "text",
    [
        "Authorization: Bearer abcdef123456",
        "api_key=abcdef123456",
        '{"password": "abcdef123456"}',
        "sk-abcdef1234567890abcdef",
    ],
)
def test_what_looks_like_a_secret_is_masked(text: str) -> None:
    assert "abcdef123456" not in Redactor().redact(text)
    assert MASK in Redactor().redact(text)


@pytest.mark.parametrize("text", ["tokens: 1234567", "skeletonized_functions_everywhere", "run"])
def test_ordinary_words_are_left_alone(text: str) -> None:
    assert Redactor().redact(text) == text


def test_a_log_line_is_json_with_its_fields(stream: io.StringIO) -> None:
    redactor = Redactor()
    redactor.learn("s3cr3t-value")
    set_up_logs(as_json=True, stream=stream, redactor=redactor)
    logging.getLogger("muxi.test").info("using %s", "s3cr3t-value", extra={"run_id": "run_1"})
    entry = json.loads(stream.getvalue())
    assert entry["message"] == f"using {MASK}"
    assert entry["run_id"] == "run_1"
    assert entry["level"] == "info"


def test_a_log_line_for_people_holds_the_error_without_secrets(stream: io.StringIO) -> None:
    redactor = Redactor()
    redactor.learn("s3cr3t-value")
    set_up_logs(stream=stream, redactor=redactor)
    try:
        raise ValueError("s3cr3t-value is wrong")
    except ValueError:
        logging.getLogger("muxi.test").exception("It broke", extra={"where": "here"})
    text = stream.getvalue()
    assert "It broke where=here" in text
    assert "ValueError" in text
    assert "s3cr3t" not in text


def test_spans_need_no_opentelemetry_and_use_it_when_it_is_there() -> None:
    code = """
import sys
from muxi.telemetry.spans import span
with span("nothing"):
    pass
assert not any(name.startswith("opentelemetry") for name in sys.modules)
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
exporter = InMemorySpanExporter()
provider = TracerProvider()
provider.add_span_processor(SimpleSpanProcessor(exporter))
trace.set_tracer_provider(provider)
try:
    with span("invoke_agent", gen_ai__agent__name="a"):
        raise ValueError("broken")
except ValueError:
    pass
(found,) = exporter.get_finished_spans()
print(found.name, found.attributes["gen_ai.agent.name"], found.status.status_code.name)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["invoke_agent", "a", "ERROR"]
