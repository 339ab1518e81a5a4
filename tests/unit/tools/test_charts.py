"""The built-in tool that draws charts: its pictures, and numbers and texts that cannot be drawn."""

from __future__ import annotations

import asyncio
import io
import subprocess
import sys
from typing import Any

import pytest
from PIL import Image

from muxi.core.context import RunContext
from muxi.core.errors import ToolArgumentsInvalid
from muxi.core.messages import ImagePart, TextPart
from muxi.tools.builtin.catalogue import builtin_tools

CTX: RunContext[Any] = RunContext(deps=None)
KINDS = ["bar", "line", "area", "scatter", "pie", "histogram"]


async def draw(**arguments: Any) -> tuple[Image.Image, str]:
    (made,) = builtin_tools("charts")
    picture, text = await made.run(arguments, CTX)
    assert isinstance(picture, ImagePart)
    assert isinstance(text, TextPart)
    assert picture.media_type == "image/png"
    assert picture.data is not None
    assert len(picture.data) < 1_000_000
    image = Image.open(io.BytesIO(picture.data))
    image.load()
    return image.convert("RGB"), text.text


def colours(image: Image.Image) -> set[tuple[int, ...]]:
    """The colours that a good part of a picture has."""
    found = image.getcolors(1_000_000) or []
    return {colour for count, colour in found if count > 2_000 and isinstance(colour, tuple)}


@pytest.mark.parametrize("kind", KINDS)
async def test_every_kind_is_drawn_as_a_picture(kind: str):
    image, text = await draw(kind=kind, labels=["1", "2", "3"], values=[3, 5.5, 2], title="Fruit")
    assert image.size == (960, 600)
    assert len(image.getcolors(1_000_000) or []) > 10
    assert text.endswith(f"{kind} chart of 3 values called Fruit. The user sees it.")


async def test_every_example_is_drawn():
    (made,) = builtin_tools("charts")
    for example in made.spec.examples:
        await draw(**example.arguments)


async def test_several_rows_have_colours_of_their_own():
    one, _ = await draw(kind="bar", labels=["a", "b"], values=[3, 5])
    two, text = await draw(kind="bar", labels=["a", "b"], values={"north": [3, 5], "south": [2, 4]})
    assert len(colours(two)) == len(colours(one)) + 1
    assert "for north, south" in text


async def test_the_same_numbers_give_the_same_picture():
    first, _ = await draw(kind="line", values=[1, 2, 3], title="Same")
    second, _ = await draw(kind="line", values=[1, 2, 3], title="Same")
    assert first.tobytes() == second.tobytes()


@pytest.mark.parametrize(
    "arguments",
    [
        {"kind": "bar", "values": []},
        {"kind": "bar", "values": {}},
        {"kind": "bar", "values": ["3"]},
        {"kind": "bar", "values": [1e300]},
        {"kind": "bar", "values": [float("inf")]},
        {"kind": "bar", "values": [float("nan")]},
        {"kind": "bar", "values": [1, 2], "labels": ["a"]},
        {"kind": "bar", "values": {"a": [1], "b": [1, 2]}},
        {"kind": "bar", "values": {str(n): [1] for n in range(20)}},
        {"kind": "line", "values": [1.0] * 5_001},
        {"kind": "bar", "values": [1.0] * 301},
        {"kind": "pie", "values": [1, 2]},
        {"kind": "pie", "values": [1, -2], "labels": ["a", "b"]},
        {"kind": "pie", "values": [0, 0], "labels": ["a", "b"]},
        {"kind": "pie", "values": [1] * 40, "labels": ["a"] * 40},
        {"kind": "pie", "values": {"a": [1], "b": [2]}, "labels": ["x"]},
        {"kind": "scatter", "values": [1, 2]},
        {"kind": "scatter", "values": [1], "labels": ["a"]},
        {"kind": "scatter", "values": [1], "labels": ["nan"]},
        {"kind": "scatter", "values": [1], "labels": ["1e300"]},
        {"kind": "cake", "values": [1]},
        {"kind": "bar", "values": [1], "colour": "red"},
    ],
)
async def test_what_cannot_be_drawn_is_refused(arguments: dict[str, Any]):
    with pytest.raises(ToolArgumentsInvalid):
        await draw(**arguments)


async def test_a_formula_is_only_a_text():
    await draw(kind="bar", values={r"$\nonsense{$": [1], "$x$": [2]}, title=r"$\frac{1}{0}$")


TEXTS = [
    r"$\frac{1}{0}$",
    r"$\nonsense{$",
    "$" * 50,
    r"\begin{x}",
    "%s {} {0}",
    "_hidden",
    "日本語 🙂 مرحبا",
    "a\nb\tc\0d\x1b[31m",
    "x" * 10_000,
    "\u202eright to left",
    "",
]


@pytest.mark.ci
@pytest.mark.parametrize("text", TEXTS)
async def test_any_text_is_only_a_text(text: str):
    for kind in ("bar", "pie"):
        image, _ = await draw(
            kind=kind,
            values=[1, 2],
            labels=[text[:1_000], "b"],
            title=text,
            x_title=text,
            y_title=text,
        )
        assert image.size == (960, 600)
    await draw(kind="line", values={text: [1, 2], "b": [2, 1]})


@pytest.mark.ci
@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "pie"])
async def test_extreme_and_many_numbers_are_drawn(kind: str):
    for values in (
        [1e15, -1e15, 1e-300, 0],
        [0, 0, 0],
        [5],
        [1e-15] * 200 + [1e15],
        [float(n % 97) for n in range(300 if kind == "bar" else 5_000)],
    ):
        labels = [str(n) for n in range(len(values))]
        await draw(kind=kind, values=values, labels=labels)


async def test_many_charts_at_once_do_not_disturb_each_other():
    alone = [(await draw(kind="bar", values=[n, 1], title=str(n)))[0].tobytes() for n in range(4)]
    together = await asyncio.gather(
        *(draw(kind="bar", values=[n, 1], title=str(n)) for n in range(4))
    )
    assert [image.tobytes() for image, _ in together] == alone


def test_the_library_is_imported_by_the_first_chart_and_not_before():
    code = (
        "import sys\n"
        "from muxi.tools.builtin.catalogue import builtin_tools\n"
        "kinds = ('charts', 'run_python', 'files', 'git')\n"
        "specs = [each.spec for kind in kinds for each in builtin_tools(kind)]\n"
        "heavy = ('matplotlib', 'numpy', 'pydantic_monty', 'sqlalchemy', 'regex', 'psycopg')\n"
        "print([name for name in heavy if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
