"""The tool `calculator`: arithmetic in signs or in words, exact where it can be."""

from __future__ import annotations

from typing import Any

from muxi.config.tool_settings import CalculatorTool
from muxi.core.manifests import ToolManifest
from muxi.tools.builtin.setup import Setup
from muxi.tools.function import Examples, FunctionTool, tool

MANIFEST = ToolManifest(
    name="calculator",
    version="1.0.0",
    summary="Works out arithmetic, exactly where that can be.",
    tools=("calculator",),
)

EXAMPLES: Examples = (
    ("What is 48*12?", {"expression": "48*12"}),
    ("How much is 15% of 80?", {"expression": "15% of 80"}),
    ("Calculate the square root of 144", {"expression": "square root of 144"}),
    ("what's 1,250 divided by 8", {"expression": "1,250 divided by 8"}),
    ("Please add 45 and 78", {"expression": "add 45 and 78"}),
    ("seven plus eight", {"expression": "seven plus eight"}),
    ("Compute (3 + 4) * 2 - 5.5", {"expression": "(3 + 4) * 2 - 5.5"}),
    ("What is 2 to the power of 10?", {"expression": "2 to the power of 10"}),
)


@tool(
    title="Calculator",
    read_only=True,
    destructive=False,
    open_world=False,
    idempotent=True,
    examples=EXAMPLES,
    timeout=5,
)
async def calculator(expression: str) -> str:
    """Work out arithmetic: sums, products, percentages, powers, roots and the like.

    Args:
        expression: The calculation, in signs or in words, such as `17*23` or `15% of 80`.
    """
    from muxi.tools.builtin.arithmetic import answer

    return answer(expression)


def calculator_tools(settings: CalculatorTool, setup: Setup) -> list[FunctionTool[..., Any]]:
    """The calculator, which has no options."""
    return [calculator]
