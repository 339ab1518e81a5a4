"""Text from outside is shown and never obeyed."""

from __future__ import annotations

import pytest

from muxi.cli import narration, output
from muxi.cli.exits import OF_STATUS, ExitCode, of_error
from muxi.core.events import FINAL_STATUSES, Approval, RunCompleted
from muxi.core.messages import TextPart, ToolResultPart
from muxi.core.usage import Usage


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("a\x1b[31mb", "a␛[31mb"),
        ("a\x07b\x00c", "a␇b␀c"),
        ("a\x9b2Jb\x7f", "a\ufffd2Jb\ufffd"),
        ("a\rb", "a␍b"),
        ("a\r\nb\tc", "a\nb\tc"),
        ("مرحبا 🎉", "مرحبا 🎉"),
    ],
)
def test_controls_of_a_terminal_become_visible(text: str, shown: str) -> None:
    assert output.plain(text) == shown


def test_what_is_to_be_approved_cannot_hide_its_direction() -> None:
    approval = Approval(
        id="a", run_id="r", call_id="c", tool="rm", arguments={"path": "a\u202eb\x1b[1A"}, reason=""
    )
    assert narration.question(approval) == 'rm {\n  "path": "a\\u202eb\\u001b[1A"\n}'


def test_columns_are_aligned_and_a_cell_stays_on_its_line(
    capsys: pytest.CaptureFixture[str],
) -> None:
    output.table(("name", "text"), [("a", "one\ntwo"), ("long", "x")])
    assert capsys.readouterr().out == "a     one two\nlong  x\n"


def test_an_error_is_words_and_a_hint_without_colour(capsys: pytest.CaptureFixture[str]) -> None:
    output.error("It failed.", "Do this.")
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err == "error: It failed.\nhint: Do this.\n"


@pytest.mark.parametrize(
    ("value", "words"), [(0.004, "0.00 s"), (2.34, "2.3 s"), (42.0, "42 s"), (185, "3 min 5 s")]
)
def test_durations_are_as_exact_as_a_person_wants(value: float, words: str) -> None:
    assert narration.seconds(value) == words


def test_an_unknown_price_is_never_shown_as_nothing() -> None:
    assert narration.consumption(Usage(input_tokens=1200, output_tokens=3, cost=None)) == (
        "1,200 in · 3 out · price unknown"
    )


def test_long_arguments_are_cut() -> None:
    text = narration.arguments({"text": "x" * 500}, width=20)
    assert len(text) == 20
    assert text.endswith("…")


def test_long_results_tell_how_much_is_left_out() -> None:
    result = ToolResultPart(call_id="c", name="t", content=[TextPart(text="\n".join("abcdefgh"))])
    assert narration.result_lines(result, limit=2) == ["a", "b", "… 6 more lines"]


def test_every_end_of_a_run_has_an_exit_code_and_words() -> None:
    assert {*FINAL_STATUSES, "waiting"} == set(OF_STATUS)
    assert len({OF_STATUS[status] for status in OF_STATUS}) == len(OF_STATUS)
    for status in FINAL_STATUSES - {"completed"}:
        event = RunCompleted(status=status, usage=Usage())  # pyright: ignore[reportArgumentType] -- a status by its name
        assert narration.ending(event)


@pytest.mark.parametrize(
    ("code", "exit_code"),
    [
        ("config_error", ExitCode.USAGE),
        ("model_key_missing", ExitCode.USAGE),
        ("limit_reached", ExitCode.LIMITED),
        ("model_unavailable", ExitCode.FAILED),
        ("something_new", ExitCode.FAILED),
    ],
)
def test_errors_have_stable_exit_codes(code: str, exit_code: ExitCode) -> None:
    assert of_error(code) == exit_code


def test_exit_codes_are_what_scripts_rely_on() -> None:
    assert {code.name: int(code) for code in ExitCode} == {
        "OK": 0,
        "FAILED": 1,
        "USAGE": 2,
        "WAITING": 3,
        "LIMITED": 4,
        "BLOCKED": 5,
        "CANCELLED": 130,
        "PIPE_CLOSED": 141,
    }
