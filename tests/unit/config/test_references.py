"""Projects that are written in Python are checked like those in files."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from muxi.config.project import Project
from muxi.config.references import check_references
from muxi.config.tool_settings import ClockTool, PythonTool
from muxi.core.definitions import AgentDefinition
from muxi.core.errors import ConfigError


def test_a_project_in_python_is_checked_for_names_that_do_not_exist():
    agents = {"a": AgentDefinition(name="a", tools=["clock", "mine", "nothing"])}
    project = Project(agents=agents, tools={"mine": PythonTool(function="a:b")}, agent="b")
    with pytest.raises(ConfigError) as caught:
        check_references(project)
    assert "there is no agent `b`" in caught.value.message
    assert "there is no tool `nothing`" in caught.value.message
    assert "mine`" in caught.value.message


def test_a_sound_project_in_python_passes():
    check_references(Project())
    check_references(Project(tools={"clock": ClockTool(zone="Asia/Tokyo")}))


def test_an_agent_and_a_tool_keep_to_their_names():
    with pytest.raises(ConfigError, match="the agent's key is `a`"):
        check_references(Project(agents={"a": AgentDefinition(name="b")}))
    with pytest.raises(ConfigError, match="cannot be a tool of the kind `clock`"):
        check_references(Project(tools={"calculator": ClockTool()}))


def test_unknown_keys_and_zones_are_refused_in_python_too():
    with pytest.raises(ValidationError):
        Project(nmae="x")
    with pytest.raises(ValidationError, match="Europe/Paris"):
        ClockTool(zone="Mars/Crater")
