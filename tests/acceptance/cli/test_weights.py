"""The first use of the embedded model: what is fetched, and what holds where nothing can be."""

from __future__ import annotations

import json
import signal
import subprocess
import sys

import pytest

from tests.support.command import Muxi

UNREACHABLE = {
    "PIP_INDEX_URL": "http://127.0.0.1:9/",
    "PIP_EXTRA_INDEX_URL": "",
    "PIP_FIND_LINKS": "",
    "PIP_CONFIG_FILE": "/dev/null",
    "PIP_RETRIES": "0",
}


@pytest.fixture
def alone(muxi: Muxi) -> Muxi:
    """The command with no weights and no way to any."""
    muxi.environment |= UNREACHABLE
    return muxi


async def test_without_a_network_a_scripted_model_answers_and_says_so(alone: Muxi) -> None:
    done = await alone("run", "hello")
    assert done.code == 0
    assert done.out.endswith("You said: hello\n")
    assert "Fetching 190 MB of model weights, once" in done.err
    assert "could not be fetched" in done.err
    assert "a scripted model stands in" in done.err
    assert "hint: Run `muxi models pull`" in done.err


@pytest.mark.ci
async def test_without_a_network_the_server_starts(alone: Muxi) -> None:
    async with alone.start("up", "--port", "0", "--no-browser", "--json") as running:
        await running.until(lambda now: now.out.endswith("\n"))
        assert (
            "190 MB of weights are fetched on first use" in json.loads(running.out)["model"]["note"]
        )
        running.signal(signal.SIGINT)
        assert (await running.end()).code in (0, 130)


@pytest.mark.ci
async def test_pulling_without_a_network_fails_in_words(alone: Muxi) -> None:
    done = await alone("models", "pull")
    assert done.code != 0
    assert "could not be fetched" in done.err


LOOK = """
import sys
from muxi.cli.weights import prepare_weights
from muxi.config.load import load_project
from muxi.models.embedded.weights import ALL, WeightStore

store = WeightStore()
store.folder.mkdir(parents=True)
for weights in ALL:
    with store.path(weights).open("wb") as file:
        file.truncate(weights.size)
prepare_weights(load_project(None))
print(sorted({"numpy", "onnxruntime", "xllamacpp", "tokenizers"} & set(sys.modules)))
"""


def test_files_that_are_here_cost_neither_a_library_nor_a_look_inside(alone: Muxi) -> None:
    done = subprocess.run(
        [sys.executable, "-c", LOOK],
        cwd=alone.folder,
        env=alone.environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=True,
    )
    assert (done.stdout, done.stderr) == ("[]\n", "")
