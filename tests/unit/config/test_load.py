"""Reading muxi.yaml: what it means, and every mistake with its place."""

from __future__ import annotations

import subprocess
import sys
import time
from decimal import Decimal
from pathlib import Path

import pytest

from muxi.config.load import SECRET_FIELDS, default_project, load_project
from muxi.config.project import Project
from muxi.config.secret import SecretRef
from muxi.config.tool_settings import PythonTool, WebSearchTool
from muxi.core.errors import ConfigError

FULL = """
name: shop
agent: clerk
model: fast
agents:
  clerk:
    description: Sells.
    instructions: Be kind.
    model: openai/gpt-x
    tools: [calculator, "web_*", stock]
    approve: [stock]
    output: {type: object}
    settings: {temperature: 0.5, stop: [END]}
    limits: {turns: 5, cost: 0.25}
    history_tokens: 2000
  porter:
models:
  fast: openai/gpt-y
  slow:
    model: anthropic/claude-z
    key: secret://ANTHROPIC
    base_url: https://proxy.example.com
    price: {input: 0.15, output: 1}
    retry: {attempts: 5}
    fallback: [fast, embedded]
    concurrency: 4
    rate: {requests: 60}
tools:
  stock: shop.tools:stock
  web_search: {engine: searxng, url: "http://search.local"}
  clock:
storage:
  url: ${DATABASE_URL:-sqlite:///shop.db}
  durability: normal
server:
  port: ${PORT:-6000}
memory:
  history_tokens: 1000
"""


def read(tmp_path: Path, text: str, **environment: str) -> Project:
    file = tmp_path / "muxi.yaml"
    file.write_text(text, encoding="utf-8")
    return load_project(file, environment=environment)


def mistakes(tmp_path: Path, text: str, **environment: str) -> list[str]:
    """The mistakes in `text`, as `line:column: words`."""
    with pytest.raises(ConfigError) as caught:
        read(tmp_path, text, **environment)
    listed = caught.value.details["mistakes"]
    lines = [f"{m['line']}:{m['column']}: {m['where']}: {m['words']}" for m in listed]
    for each in listed:
        assert each["file"] == str(tmp_path / "muxi.yaml")
        assert f"{each['line']}:{each['column']}" in caught.value.message or len(listed) > 50
    return lines


def only_mistake(tmp_path: Path, text: str, **environment: str) -> str:
    (line,) = mistakes(tmp_path, text, **environment)
    return line


def test_everything_that_can_be_declared_is_read(tmp_path: Path):
    project = read(tmp_path, FULL)
    clerk = project.agents["clerk"]
    assert (project.name, project.default_agent, project.model) == ("shop", "clerk", "fast")
    assert clerk.name == "clerk"
    assert clerk.limits.cost == Decimal("0.25")
    assert clerk.settings.stop == ("END",)
    assert project.agents["porter"].tools == []
    assert project.models["fast"].model == "openai/gpt-y"
    slow = project.models["slow"]
    assert slow.price is not None
    assert slow.price.input == Decimal("0.15")
    assert slow.key == SecretRef("secret://ANTHROPIC")
    assert slow.fallback == ["fast", "embedded"]
    assert project.tools["stock"] == PythonTool(function="shop.tools:stock")
    assert isinstance(project.tools["web_search"], WebSearchTool)
    assert project.storage.url is not None
    assert project.storage.url.reveal() == "sqlite:///shop.db"
    assert project.server.port == 6000
    assert project.folder == tmp_path
    assert project.file == tmp_path / "muxi.yaml"
    assert project.state_folder == tmp_path / ".muxi"


@pytest.mark.parametrize(
    "text", ["", "# nothing\n", "agents:\ntools:\nmodels:\nserver:\n", "---\n"]
)
def test_an_empty_file_is_the_default_project(tmp_path: Path, text: str):
    project = read(tmp_path, text)
    assert project.default_agent == "assistant"
    assert project.agents == default_project(tmp_path).agents


def test_a_folder_without_a_file_is_the_default_project(tmp_path: Path):
    project = load_project(tmp_path)
    assert project == default_project(tmp_path)
    assert project.file is None
    assert project.model == "embedded"
    assert project.agents["assistant"].tools == ["calculator", "clock", "web_fetch", "web_search"]


def test_a_folder_is_searched_for_its_file(tmp_path: Path):
    (tmp_path / "muxi.yaml").write_text("name: here\n")
    assert load_project(tmp_path).name == "here"


def test_a_file_that_is_not_there_is_a_mistake(tmp_path: Path):
    with pytest.raises(ConfigError, match="cannot be read: no such file"):
        load_project(tmp_path / "other.yaml")


def test_the_first_agent_answers_when_none_is_called_assistant(tmp_path: Path):
    assert read(tmp_path, "agents: {b: {}, a: {}}").default_agent == "b"
    assert read(tmp_path, "agents: {b: {}, assistant: {}}").default_agent == "assistant"


def test_all_mistakes_are_told_at_once_each_with_its_place(tmp_path: Path):
    text = """\
nmae: x
agent: nobody
agents:
  clerk:
    tools: [calculator, clok]
    modle: fast
    limits: {turns: many}
  "9x": {}
models:
  fast: openai/x
  slow: {model: openai/y, fallback: [fats, slow]}
server: {host: "", port: 99999}
storage: {urll: x}
tools: {weather: nowhere, web_search: {engine: searxng}}
"""
    found = [line.partition(" Known:")[0] for line in mistakes(tmp_path, text)]
    assert found == [
        "1:1: nmae: unknown key; did you mean `name`?",
        "2:8: agent: there is no agent `nobody`; known: `clerk`, `9x`",
        "5:25: agents.clerk.tools[1]: there is no tool `clok`; did you mean `clock`?",
        "6:5: agents.clerk.modle: unknown key; did you mean `model`?",
        '7:21: agents.clerk.limits.turns: found the text "many", expected an integer',
        "8:3: agents.9x: expected a name of letters, digits, `_` and `-` that begins with a letter",
        "11:38: models.slow.fallback[0]: there is no model `fats`; did you mean `fast`?",
        "11:44: models.slow.fallback[1]: a model cannot be its own fallback",
        '12:16: server.host: found the text "", expected string should have at least 1 character',
        "12:26: server.port: found `99999`, expected a value less than or equal to 65535",
        "13:11: storage.urll: unknown key; did you mean `url`?",
        (
            '14:18: tools.weather.function: found the text "nowhere", expected `module:function`'
            " or `folder/file.py:function`"
        ),
        "14:39: tools.web_search: the engine searxng needs `url`",
    ]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("agents: [", "this is no YAML"),
        ("a: 'open", "this is no YAML"),
        ("\tname: x", "this is no YAML"),
        ("- a\n- b", "a mapping of keys"),
        ("just words", "a mapping of keys"),
        ("name: !!python/object/apply:os.system [ls]", "the tag"),
        ("name: !custom x", "the tag `!custom` is not allowed"),
        ("name: a\n---\nname: b", "2:1: : a second document begins here"),
        ("name: *nowhere", "there is no anchor"),
        ("a: &a [*a]", "there is no anchor"),
        ("[" * 1_000, "nested more than 40 deep"),
        ("a: " + "{a: " * 100, "nested more than 40 deep"),
        ("? [a]\n: b", "a key should be plain text"),
        ("name: \x00", "a character that YAML does not allow"),
    ],
)
def test_what_is_no_project_file_is_told_with_its_line(tmp_path: Path, text: str, words: str):
    assert words in mistakes(tmp_path, text)[0]


def test_bytes_that_are_no_text_are_a_mistake(tmp_path: Path):
    file = tmp_path / "muxi.yaml"
    file.write_bytes(b"name: x\nmodel: \xff\n")
    with pytest.raises(ConfigError, match=r"muxi\.yaml:2:1: the file is not UTF-8"):
        load_project(file)


def test_a_huge_file_is_refused_at_once(tmp_path: Path):
    started = time.process_time()
    assert "larger than" in only_mistake(tmp_path, "# " + "x" * 2_000_000)
    assert time.process_time() - started < 0.5


def test_aliases_that_multiply_are_stopped(tmp_path: Path):
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 10)]
    started = time.process_time()
    assert "more than 50,000 values" in only_mistake(tmp_path, "\n".join(lines))
    assert time.process_time() - started < 2


def test_anchors_aliases_and_merges_are_understood(tmp_path: Path):
    text = """\
agents:
  a: &base {description: one, tools: [clock]}
  b: {<<: *base, description: two}
"""
    project = read(tmp_path, text)
    assert project.agents["b"].tools == ["clock"]
    assert project.agents["b"].description == "two"
    assert project.agents["a"].description == "one"


def test_a_key_given_twice_is_a_mistake_and_both_are_checked(tmp_path: Path):
    text = "agents:\n  a: {toolz: []}\n  a: {modle: x}\n"
    found = mistakes(tmp_path, text)
    assert "3:3: agents.a: this key is given twice, first on line 2" in found
    assert any("toolz" in line for line in found)
    assert any("modle" in line for line in found)


@pytest.mark.parametrize(
    ("value", "expected"), [("no", "no"), ("on", "on"), ("'5'", "5"), ("1:30", "1:30")]
)
def test_words_that_older_yaml_takes_for_something_else_stay_words(
    tmp_path: Path, value: str, expected: str
):
    agent = read(tmp_path, f"agents: {{a: {{description: {value}}}}}").agents["a"]
    assert agent.description == expected


@pytest.mark.parametrize(
    ("value", "found"),
    [
        ("yes", 'the text "yes"'),
        ("010", 'the text "010"'),
        ("0x10", 'the text "0x10"'),
        ("'5'", 'the text "5"'),
        ("true", "`true`"),
        ("1.5", "`1.5`"),
        ("1_000", 'the text "1_000"'),
        ("2025-01-01", 'the text "2025-01-01"'),
        ("[5]", "a list"),
        ("{a: 5}", "a mapping"),
        ("9" * 50, f'the text "{"9" * 50}"'),
    ],
)
def test_a_value_of_the_wrong_type_is_shown_as_it_is_written(
    tmp_path: Path, value: str, found: str
):
    line = only_mistake(tmp_path, f"server:\n  port: {value}\n")
    assert line == f"2:9: server.port: found {found}, expected an integer"


def test_a_switch_wants_true_or_false(tmp_path: Path):
    text = "agents: {a: {settings: {cache_prompt: no}}}"
    assert only_mistake(tmp_path, text).endswith('found the text "no", expected true or false')


def test_a_number_where_text_belongs_is_a_mistake(tmp_path: Path):
    line = only_mistake(tmp_path, "agents: {a: {description: 1.0}}")
    assert line.endswith("found `1.0`, expected text")


def test_fallbacks_must_come_to_an_end(tmp_path: Path):
    text = "models:\n  a: {model: x/a, fallback: [b]}\n  b: {model: x/b, fallback: [a]}\n"
    assert len(mistakes(tmp_path, text)) == 2


def test_a_model_may_be_a_file_or_a_name_with_a_provider(tmp_path: Path):
    for name in ("embedded", "openai/gpt-x", "weights/small.gguf", "ollama/qwen:7b"):
        assert read(tmp_path, f"model: {name}").model == name
    assert "there is no model" in only_mistake(tmp_path, "model: gpt-x")


def test_variables_are_filled_in_by_the_type_of_their_place(tmp_path: Path):
    text = """\
name: ${NAME}
agents: {a: {description: "on ${HOST}, port $${PORT}"}}
server: {port: "${PORT}"}
"""
    project = read(tmp_path, text, NAME="true", HOST="h", PORT="99")
    assert project.name == "true"
    assert project.agents["a"].description == "on h, port ${PORT}"
    assert project.server.port == 99


def test_a_variable_without_a_value_is_a_mistake_of_its_own(tmp_path: Path):
    line = only_mistake(tmp_path, "model: ${MODEL}\n")
    assert line == (
        "1:8: model: the environment variable `MODEL` is not set; set it, or write"
        " `${MODEL:-default}`"
    )


def test_the_value_of_a_variable_is_never_shown(tmp_path: Path):
    text = "server: {port: '${PORT}'}\nmodel: '${MODEL}'\nagents: {a: {tools: ['${TOOL}']}}\n"
    found = "\n".join(mistakes(tmp_path, text, PORT="hush-1", MODEL="hush-2", TOOL="hush-3"))
    assert "${PORT}" in found
    assert "hush-1" not in found


def test_a_key_is_never_shown_whatever_is_wrong_with_it(tmp_path: Path):
    text = """\
models:
  a: {model: openai/x, key: [sk-hush]}
  b: {model: openai/x, key: 12345}
  c: {model: openai/x, key: "secret:/sk-hush"}
  d: {model: openai/x, api_key: sk-hush}
"""
    with pytest.raises(ConfigError) as caught:
        read(tmp_path, text)
    told = f"{caught.value!r} {caught.value} {caught.value.details}"
    assert "hush" not in told
    assert "12345" not in told
    assert len(caught.value.details["mistakes"]) == 4


def test_secrets_do_not_show_in_a_loaded_project(tmp_path: Path):
    text = """\
models: {a: {model: openai/x, key: "${KEY}"}, b: {model: openai/x, key: sk-hush-2}}
storage: {url: "postgresql://me:${WORD}@host/db"}
"""
    project = read(tmp_path, text, KEY="sk-hush-1", WORD="hush-3")
    shown = f"{project!r} {project} {project.model_dump()} {project.model_dump_json()}"
    assert "hush" not in shown
    assert project.models["a"].key is not None
    assert project.models["a"].key.reveal() == "sk-hush-1"
    assert project.models["b"].key is not None
    assert project.models["b"].key.reveal() == "sk-hush-2"
    assert project.storage.url is not None
    assert project.storage.url.reveal() == "postgresql://me:hush-3@host/db"


def test_a_missing_secret_does_not_stop_the_project_from_loading(tmp_path: Path):
    key = read(tmp_path, "models: {a: {model: openai/x, key: '${KEY}'}}").models["a"].key
    assert key is not None
    assert key.missing == "KEY"
    assert key.reveal() is None


def test_every_secret_field_is_known_to_the_loader():
    found: set[tuple[str, ...]] = set()

    def walk(schema: object, path: tuple[str, ...], definitions: dict[str, object]) -> None:
        if not isinstance(schema, dict):
            return
        if schema.get("x-secret"):
            found.add(path)
        for name, child in schema.get("properties", {}).items():
            walk(child, (*path, name), definitions)
        for child in schema.get("patternProperties", {}).values():
            walk(child, (*path, "*"), definitions)
        walk(schema.get("additionalProperties"), (*path, "*"), definitions)
        for option in (*schema.get("anyOf", ()), *schema.get("oneOf", ())):
            walk(option, path, definitions)
        if "$ref" in schema:
            walk(definitions[schema["$ref"].rpartition("/")[2]], path, definitions)

    schema = Project.model_json_schema()
    walk(schema, (), schema["$defs"])
    assert found == set(SECRET_FIELDS)


def test_the_environment_is_read_when_a_project_is_loaded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    file = tmp_path / "muxi.yaml"
    file.write_text("name: ${MUXI_TEST_NAME}\n")
    monkeypatch.setenv("MUXI_TEST_NAME", "first")
    assert load_project(file).name == "first"
    monkeypatch.setenv("MUXI_TEST_NAME", "second")
    assert load_project(file).name == "second"


def test_a_file_may_begin_with_a_mark_and_have_lines_of_windows(tmp_path: Path):
    file = tmp_path / "muxi.yaml"
    file.write_bytes(b"\xef\xbb\xbfname: x\r\nmodel: embedded\r\n")
    assert load_project(file).name == "x"


def test_loading_imports_nothing_heavy():
    code = (
        "import sys, muxi.config.load\n"
        "heavy = ('aiohttp', 'sqlalchemy', 'jsonschema', 'numpy', 'muxi.config.schema')\n"
        "print([name for name in heavy if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
