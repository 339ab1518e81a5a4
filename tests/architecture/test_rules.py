"""The house keeps its own rules, and each rule finds the fault that it forbids."""

from __future__ import annotations

import importlib.util
import itertools
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SRC = ROOT / "src" / "muxi"

_spec = importlib.util.spec_from_file_location("rules", Path(__file__).with_name("rules.py"))
assert _spec is not None
assert _spec.loader is not None
rules = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(rules)

PLATE = '"""A module that says what it is for."""\n'
FAULTS = {
    "long_files": PLATE + "x = 1\n" * 500,
    "long_functions": PLATE + "def f():\n" + "    x = 1\n" * 60,
    "many_positional_arguments": PLATE + "def f(a, b, c, d, e, g): ...\n",
    "large_classes": PLATE
    + "class C:\n"
    + "".join(f"    def m{n}(self): ...\n" for n in range(21)),
    "missing_plates": "x = 1\n",
    "silence_without_reason": PLATE + "import os  # noqa: F401\n",
    "unfinished_work": PLATE + "# TODO: later\n",
}


@pytest.mark.parametrize("rule", [*FAULTS, "vague_names"])
def test_muxi_keeps_the_rule(rule: str) -> None:
    assert getattr(rules, rule)(SRC) == []


@pytest.mark.parametrize(("rule", "text"), FAULTS.items())
def test_the_rule_finds_its_fault(rule: str, text: str, tmp_path: Path) -> None:
    (tmp_path / "room.py").write_text(text, encoding="utf-8")
    assert getattr(rules, rule)(tmp_path)


@pytest.mark.parametrize("name", ["utils/a.py", "json/a.py"])
def test_a_vague_or_standard_name_is_found(name: str, tmp_path: Path) -> None:
    (tmp_path / name).parent.mkdir()
    (tmp_path / name).write_text(PLATE, encoding="utf-8")
    assert rules.vague_names(tmp_path)


def test_no_modules_import_each_other() -> None:
    assert rules.circles(SRC, "muxi") == []


@pytest.mark.parametrize(
    "line",
    [
        "from muxi.b import x",
        "def f():\n    from muxi.b import x",
        "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from muxi.b import x",
    ],
)
def test_a_circle_of_any_kind_is_found(line: str, tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text(line, encoding="utf-8")
    (tmp_path / "b.py").write_text("import muxi.a", encoding="utf-8")
    assert rules.circles(tmp_path, "muxi") == ["muxi.a <-> muxi.b"]


def _lint_imports(tree: Path) -> subprocess.CompletedProcess[str]:
    code = "from importlinter.cli import lint_imports_command as c; c()"
    return subprocess.run(
        [sys.executable, "-c", code, "--no-cache"],
        cwd=tree,
        env={"PYTHONPATH": str(tree / "src"), "PATH": ""},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    shutil.copytree(
        SRC, tmp_path / "src" / "muxi", ignore=shutil.ignore_patterns("__pycache__", "static")
    )
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def test_the_floors_hold_as_they_are(copy: Path) -> None:
    done = _lint_imports(copy)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(
    ("file", "line"),
    [
        ("core/ids.py", "import muxi.models.model"),
        ("tools/toolset.py", "import muxi.storage"),
        ("client/__init__.py", "import muxi.server"),
        ("agents/turn.py", "import muxi.memory"),
    ],
)
def test_a_forbidden_import_breaks_the_floors(file: str, line: str, copy: Path) -> None:
    with (copy / "src" / "muxi" / file).open("a", encoding="utf-8") as source:
        source.write(f"\n{line}\n")
    assert _lint_imports(copy).returncode != 0


def test_the_tree_of_errors_is_drawn_as_it_is() -> None:
    import muxi.core.errors as home

    drawn = re.findall(r"^[│├└─\s]*(\w+)$", (home.__doc__ or "").split("\n\n")[-1], re.MULTILINE)
    kinds = [c for c in vars(home).values() if isinstance(c, type) and issubclass(c, Exception)]
    assert sorted(drawn) == sorted(kind.__name__ for kind in kinds)
    assert all((kind.__doc__ or "").strip().endswith(".") for kind in kinds)
    assert len({kind.code for kind in kinds}) == len(kinds)


def test_every_public_name_can_be_imported_and_is_listed_in_order() -> None:
    import muxi

    assert muxi.__all__ == sorted(muxi.__all__)
    for name in muxi.__all__:
        assert getattr(muxi, name) is not None
    with pytest.raises(AttributeError):
        _ = muxi.nothing_of_this_name


def test_importing_muxi_loads_nothing_heavy() -> None:
    code = "import sys, muxi; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    heavy = {"pydantic", "aiohttp", "asyncio", "sqlalchemy", "numpy", "starlette", "rich", "typer"}
    assert not loaded & heavy
    assert {name for name in loaded if name.startswith("muxi")} == {"muxi"}


def test_every_library_that_is_imported_is_declared() -> None:
    import tomllib
    from importlib.metadata import packages_distributions

    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    extras = itertools.chain.from_iterable(project["optional-dependencies"].values())
    lines = [*project["dependencies"], *extras]
    declared = {re.split(r"[\[<>=; ]", line)[0].lower().replace("_", "-") for line in lines}
    # Parts of pydantic, of psycopg[pool] and of pydantic-monty.
    declared |= {"pydantic-core", "psycopg-pool", "pydantic-monty-client"}
    homes = packages_distributions()
    missing = {
        f"{name} ({', '.join(homes[name])})"
        for name in rules.libraries(SRC)
        if name in homes
        and not {home.lower().replace("_", "-") for home in homes[name]} & {*declared, "muxi"}
    }
    assert missing == set()
