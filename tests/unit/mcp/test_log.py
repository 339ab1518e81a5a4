"""A server's words are kept within bounds, and what muxi says of it is not lost among them."""

from __future__ import annotations

from muxi.mcp.log import LINES, LINES_PER_SECOND, ServerLog


def test_lines_of_one_second_beyond_the_bound_are_counted_and_left_out():
    now = 0.0
    log = ServerLog(clock=lambda: now)
    for number in range(LINES_PER_SECOND + 7):
        log.write(f"line {number}")
    assert len(log.tail()) == LINES_PER_SECOND + 1
    assert log.tail()[-1].endswith("(7 further lines of one second are left out)")
    now = 1.0
    log.write("the next second")
    assert log.tail()[-1].endswith("the next second")


def test_what_muxi_says_of_a_server_stands_in_the_midst_of_its_flood():
    log = ServerLog(clock=lambda: 0.0)
    for _ in range(LINES_PER_SECOND + 1):
        log.write("flood")
    log.note("slowed down")
    log.write("flood")
    assert any(line.endswith("muxi: slowed down") for line in log.tail())
    assert len(log.tail(LINES)) <= LINES
