"""pytest for MCP servers: the fixture `mcp_client`, and the cases of a tests.yaml as tests.

pytest loads it wherever muxi is installed, so it imports nothing but pytest until a test needs a
server. A test that takes `mcp_client` runs once for each transport and revision.
"""

from __future__ import annotations

from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from muxi.core.background import BackgroundLoop
    from muxi.devkit.case_run import Visit, Way
    from muxi.devkit.cases import Case, Suite
    from muxi.devkit.client import McpClient
    from muxi.devkit.reports.report import Outcome
    from muxi.devkit.target import Target

_LOOP: pytest.StashKey[BackgroundLoop] = pytest.StashKey()


def pytest_addoption(parser: pytest.Parser) -> None:
    """The options and settings of this plugin."""
    group = parser.getgroup("muxi", "MCP servers")
    group.addoption("--mcp", metavar="TARGET", help="The MCP server of the fixture mcp_client.")
    group.addoption(
        "--mcp-transport", action="append", default=[], choices=("memory", "stdio", "http"),
        help="Only over this transport; may be given again.",
    )  # fmt: skip
    group.addoption(
        "--mcp-revision", action="append", default=[],
        choices=("2025-06-18", "2025-11-25", "2026-07-28"),
        help="Only in this revision of MCP; may be given again.",
    )  # fmt: skip
    parser.addini("mcp_server", "The MCP server of the fixture mcp_client, a target.", default="")
    parser.addini("mcp_cases", "Names of files with cases, such as tests.yaml.", type="args")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run a test that takes `mcp_client` once for each way to the server."""
    if "mcp_client" in metafunc.fixturenames:
        target, suite = _server(metafunc.config)
        ways = _ways(metafunc.config, target, suite)
        ids = [f"{way.transport}-{way.revision}" for way in ways]
        metafunc.parametrize("mcp_client", ways, ids=ids, indirect=True, scope="module")


@pytest.fixture(scope="module")
def mcp_client(request: pytest.FixtureRequest) -> Iterator[McpClient]:
    """A connection to the server under test, shared by the tests of a module."""
    from muxi.devkit.client import McpClient
    from muxi.devkit.connect import connected
    from muxi.devkit.held import Held

    way: Way = request.param
    target, suite = _server(request.config)
    loop = _loop(request.config)
    session = connected(
        target, way.transport, way.revision, patience=suite.timeout, start=suite.start_timeout
    )
    with Held(loop, session) as opened:
        yield McpClient(loop, opened)


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    """Take the files that `mcp_cases` names for tests."""
    if any(fnmatch(file_path.name, name) for name in parent.config.getini("mcp_cases")):
        return _made(CasesFile, parent, path=file_path)
    return None


def pytest_unconfigure(config: pytest.Config) -> None:
    """End the loop that all servers were spoken to on."""
    loop = config.stash.get(_LOOP, None)
    if loop is not None:
        loop.__exit__()


class CasesFile(pytest.File):
    """A tests.yaml."""

    def __init__(self, **more: Any) -> None:
        super().__init__(**more)
        self._visits: list[Visit] = []

    def collect(self) -> Iterator[pytest.Item]:
        """A test for each case and way."""
        from muxi.devkit.case_run import STARTS, Visit, covers, with_env
        from muxi.devkit.cases import load_suite
        from muxi.devkit.target import parse_target

        suite = load_suite(self.path)
        target = parse_target(suite.server or ".", folder=self.path.parent)
        for way in _ways(self.config, target, suite):
            visit = Visit(with_env(target, suite), suite, way)
            self._visits.append(visit)
            name = f"[{way.transport}-{way.revision}]"
            yield _made(CaseItem, self, name=f"{STARTS} {name}", visit=visit, case=None)
            for case in suite.cases:
                if covers(case, way):
                    title = f"{case.title} {name}"
                    yield _made(CaseItem, self, name=title, visit=visit, case=case)

    def teardown(self) -> None:
        """End all servers of the file."""
        for visit in self._visits:
            _loop(self.config).run(visit.close())


class CaseItem(pytest.Item):
    """One case over one transport in one revision."""

    def __init__(self, *, visit: Visit, case: Case | None, **more: Any) -> None:
        super().__init__(**more)  # pyright: ignore[reportUnknownMemberType] -- pytest leaves open what else a node takes
        self._visit = visit
        self._case = case

    def runtest(self) -> None:
        """Ask the server, and fail in words where its answer is not as expected."""
        case = self._case
        work = self._visit.opening() if case is None else self._visit.run(case)
        outcome = _loop(self.config).run(work)
        if outcome.status == "failed":
            raise CaseFailed(outcome)

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """The words of a failure, without a traceback of this plugin."""
        if isinstance(excinfo.value, CaseFailed):
            return str(excinfo.value)
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, int | None, str]:
        """Where it stands."""
        return self.path, None, self.name


class CaseFailed(AssertionError):
    """An answer was not as its case expects."""

    def __init__(self, outcome: Outcome) -> None:
        again = f"\nagain: {outcome.reproduce}" if outcome.reproduce else ""
        super().__init__(f"{outcome.message}{again}")


def _server(config: pytest.Config) -> tuple[Target, Suite]:
    """The server of `mcp_client`: named by option or setting, else that of the root folder."""
    from muxi.devkit.target import parse_target
    from muxi.devkit.test_run import suite_in

    words = config.getoption("--mcp") or config.getini("mcp_server") or "."
    target = parse_target(str(words), folder=config.rootpath)
    suite, _ = suite_in(target.folder)
    return target, suite


def _ways(config: pytest.Config, target: Target, suite: Suite) -> list[Way]:
    from muxi.devkit.case_run import ways_of

    chosen: Any = config.option
    return ways_of(target, suite, chosen.mcp_transport, chosen.mcp_revision)


def _made(kind: Any, parent: pytest.Collector, **more: Any) -> Any:
    """A node of pytest, which none but its parent may make."""
    return kind.from_parent(parent, **more)


def _loop(config: pytest.Config) -> BackgroundLoop:
    from muxi.core.background import BackgroundLoop

    if _LOOP not in config.stash:
        config.stash[_LOOP] = BackgroundLoop().__enter__()
    return config.stash[_LOOP]
