"""Every code fence of the docs runs, parses or names things that exist.

Python runs as printed, against a local provider; an `output` fence after it is what it prints. YAML
is a project file that muxi accepts, or where it says so the cases of an MCP server. Shell lines of
`muxi` name real commands and options.
"""

from __future__ import annotations

import contextlib
import io
import json
import re
import shlex
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import yaml

from muxi.config.load import load_project
from muxi.core.background import BackgroundLoop
from muxi.devkit.cases import load_suite
from muxi.devkit.held import Held
from muxi.models.resolve import model
from tests.support.served import served
from tests.support.upstream import serving

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
_FENCE = re.compile(r"^```(\w*)([^\n]*)\n(.*?)^```", re.DOTALL | re.MULTILINE)
GENERATED = {"cli.md"}


@dataclass(frozen=True)
class Fence:
    page: Path
    line: int
    language: str
    kind: str
    """The name of the file that it is, where the fence says one."""
    text: str
    output: str | None

    def __str__(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"


def _fences() -> Iterator[Fence]:
    for page in PAGES:
        if page.name in GENERATED:
            continue
        text = page.read_text(encoding="utf-8")
        found = list(_FENCE.finditer(text))
        for index, match in enumerate(found):
            following = found[index + 1] if index + 1 < len(found) else None
            output = following[3] if following is not None and following[1] == "output" else None
            line = text.count("\n", 0, match.start()) + 1
            yield Fence(page, line, match[1], match[2].strip(), match[3], output)


FENCES = list(_fences())


def of(*languages: str) -> pytest.MarkDecorator:
    chosen = [fence for fence in FENCES if fence.language in languages]
    return pytest.mark.parametrize("fence", chosen, ids=str)


@pytest.fixture(scope="module")
def upstream() -> Iterator[str]:
    with serving() as url:
        yield url


@pytest.fixture(scope="module")
def server(upstream: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    """The address and the token of a server whose agents ask the upstream."""
    agents = {
        "helper": {"name": "helper"},
        "careful": {"name": "careful", "tools": ["calculator"], "approve": ["calculator"]},
    }
    asked = model("openai/example", key="example", base_url=upstream)
    folder = tmp_path_factory.mktemp("served")
    with BackgroundLoop() as loop, Held(loop, served(folder, asked, agents=agents)) as muxi:
        yield muxi.url, muxi.runtime.state.token()


@of("python")
def test_python_runs_as_printed(
    fence: Fence,
    upstream: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    request: pytest.FixtureRequest,
) -> None:
    if fence.kind == "client":
        url, token = request.getfixturevalue("server")
        monkeypatch.setenv("MUXI_URL", url)
        monkeypatch.setenv("MUXI_TOKEN", token)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("OPENAI_BASE_URL", upstream)
    monkeypatch.setenv("OPENAI_API_KEY", "example")
    monkeypatch.setattr(sys, "argv", ["example.py", "openai/example"])
    printed = io.StringIO()
    code = compile(fence.text, str(fence), "exec", dont_inherit=True)
    with contextlib.redirect_stdout(printed):
        exec(code, {"__name__": "__main__"})
    if fence.output is not None:
        assert printed.getvalue() == fence.output


@of("yaml")
def test_yaml_is_a_file_that_muxi_accepts(fence: Fence, tmp_path: Path) -> None:
    file = tmp_path / (fence.kind or "muxi.yaml")
    file.write_text(fence.text, encoding="utf-8")
    assert isinstance(yaml.safe_load(fence.text), dict)
    if file.name == "tests.yaml":
        assert load_suite(file).cases
    else:
        load_project(file)


@of("json")
def test_json_parses(fence: Fence) -> None:
    json.loads(fence.text)


def _commands(fence: Fence) -> list[list[str]]:
    lines = fence.text.replace("\\\n", " ").splitlines()
    words = [shlex.split(part, comments=True) for line in lines for part in line.split("&&")]
    return [line for line in words if line and line[0].rsplit("/", 1)[-1] == "muxi"]


@of("bash", "console", "sh")
def test_shell_lines_name_commands_that_exist(fence: Fence) -> None:
    reference = (ROOT / "docs" / "reference" / "cli.md").read_text(encoding="utf-8")
    for _, *words in _commands(fence):
        if words and not words[0].startswith("-"):
            assert f"muxi {words[0]}" in reference
        for option in (word.partition("=")[0] for word in words if re.match(r"--?[a-z]", word)):
            assert option in reference, f"{option} is not in the reference"


def test_no_fence_is_of_a_language_that_nothing_checks() -> None:
    checked = {"python", "yaml", "json", "bash", "console", "sh", "output", "text", "sql", "http"}
    assert {fence.language for fence in FENCES} <= checked


def test_links_between_pages_lead_somewhere() -> None:
    broken: list[str] = []
    for page in PAGES:
        for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text(encoding="utf-8")):
            if "://" not in target and not (page.parent / target).exists():
                broken.append(f"{page.relative_to(ROOT)}: {target}")
    assert broken == []
