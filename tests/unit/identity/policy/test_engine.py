"""What the rules of a project decide, and how a decision is explained."""

from __future__ import annotations

from typing import Any

import pytest

from muxi.core.actions import ACTIONS
from muxi.core.caller import LOCAL_CALLER, Caller, Credential
from muxi.core.errors import ConfigError, InvalidInput
from muxi.core.permissions import permission
from muxi.core.policies import PolicyRule, Role
from muxi.identity.policy.builtin import BUILTIN_ROLES
from muxi.identity.policy.engine import Engine


def caller(user: str, *roles: str, groups: tuple[str, ...] = (), **more: Any) -> Caller:
    scopes = more.get("scopes")
    credential = Credential("key", "key_1", None if scopes is None else frozenset(scopes))
    return Caller("default", user, credential, frozenset(groups), frozenset(roles))


def engine(*policies: PolicyRule, **roles: Role) -> Engine:
    return Engine({**BUILTIN_ROLES, **roles}, policies)


def deny(*permissions: str, **whom: Any) -> PolicyRule:
    return PolicyRule(name="no", effect="deny", permissions=list(permissions), **whom)


def test_an_administrator_may_do_everything():
    asked = engine()
    assert all(asked.decide(LOCAL_CALLER, action, "x").allowed for action in ACTIONS)


def test_whoever_has_no_role_may_do_nothing():
    asked = engine()
    assert not any(asked.decide(caller("ann"), action, "x").allowed for action in ACTIONS)


def test_an_auditor_reads_the_log_and_no_contents():
    asked, auditor = engine(), caller("eve", "auditor")
    allowed = {name for name in ACTIONS if asked.decide(auditor, name).allowed}
    assert "audit.read" in allowed
    assert not {name for name in allowed if name.split(".")[0] in _CONTENTS}


_CONTENTS = {"threads", "runs", "memories", "facts", "knowledge", "approvals", "secrets"}


def test_a_viewer_changes_nothing_but_their_password():
    asked, viewer = engine(), caller("eve", "viewer")
    allowed = [name for name in ACTIONS if asked.decide(viewer, name).allowed]
    changes = [name for name in allowed if not name.endswith(".read")]
    assert changes == ["account.write"]


def test_a_member_writes_only_the_memory_of_users():
    asked, member = engine(), caller("ann", "member")
    assert asked.decide(member, "memories.write", "user:ann").allowed
    assert asked.decide(member, "memories.read", "agent:helper").allowed
    assert not asked.decide(member, "memories.write", "agent:helper").allowed
    assert not asked.decide(member, "facts.delete", "tenant").allowed


def test_a_role_of_ones_own_allows_an_agent_and_no_other():
    asked = engine(desk=Role(name="desk", allow=["agents.use:help*", "runs.*"]))
    ann = caller("ann", "desk")
    assert asked.decide(ann, "agents.use", "helper").allowed
    assert not asked.decide(ann, "agents.use", "writer").allowed
    assert not asked.decide(ann, "agents.use").allowed


def test_a_role_has_what_it_includes_and_refuses_what_it_denies():
    desk = Role(name="desk", includes=["member"], deny=["tools.use:shell"])
    asked, ann = engine(desk=desk), caller("ann", "desk", "admin")
    assert asked.decide(ann, "tools.use", "clock").allowed
    refused = asked.decide(ann, "tools.use", "shell")
    assert not refused.allowed
    assert refused.because == ["tools.use:shell, denied by the role desk"]


@pytest.mark.parametrize(
    ("whom", "asks"),
    [
        ({"users": ["bob"]}, caller("bob", "admin")),
        ({"groups": ["guests"]}, caller("bob", "admin", groups=("guests", "staff"))),
        ({"roles": ["member"]}, caller("bob", "member")),
        ({}, caller("bob", "admin")),
        ({"users": ["bob"]}, caller("service", "admin").acting("bob")),
    ],
    ids=["user", "group", "role", "everybody", "on behalf of a user"],
)
def test_a_policy_refuses_whom_it_names(whom: dict[str, Any], asks: Caller):
    asked = engine(deny("tools.use:send_*", reason="Nobody mails from here.", **whom))
    decision = asked.decide(asks, "tools.use", "send_mail")
    assert (decision.allowed, decision.reason) == (False, "Nobody mails from here.")
    assert asked.decide(asks, "tools.use", "clock").allowed


def test_a_policy_leaves_others_alone():
    asked = engine(deny("runs.start", users=["bob"]))
    assert not asked.decide(caller("bob", "member"), "runs.start").allowed
    assert asked.decide(caller("ann", "member"), "runs.start").allowed


def test_acting_for_somebody_gives_nothing_that_they_are_allowed():
    allow = PolicyRule(name="yes", effect="allow", permissions=["runs.start"], users=["bob"])
    asked = engine(allow)
    assert asked.decide(caller("bob"), "runs.start").allowed
    assert not asked.decide(caller("eve").acting("bob"), "runs.start").allowed


def test_a_policy_may_hold_in_the_runs_of_some_agents_only():
    asked = engine(deny("tools.use:shell", agents=["desk", "help*"]))
    ann = caller("ann", "member")
    assert not asked.decide(ann, "tools.use", "shell", "helper").allowed
    assert asked.decide(ann, "tools.use", "shell", "coder").allowed
    assert asked.decide(ann, "tools.use", "shell").allowed


def test_a_key_can_do_no_more_than_its_scopes_and_no_more_than_its_user():
    asked = engine()
    key = caller("ann", "viewer", scopes=["runs.*", "agents.use:helper", "threads.read"])
    assert asked.decide(key, "threads.read").allowed
    assert not asked.decide(key, "runs.start").allowed
    assert not asked.decide(key, "models.read").allowed
    member = caller("ann", "member", scopes=["runs.*", "agents.use:helper"])
    assert asked.decide(member, "agents.use", "helper").allowed
    refused = asked.decide(member, "agents.use", "writer")
    assert "beyond its scopes" in refused.reason


def test_a_key_without_any_scope_can_do_nothing():
    asked = engine()
    assert not any(
        asked.decide(caller("ann", "admin", scopes=[]), action).allowed for action in ACTIONS
    )


def test_the_person_at_the_machine_can_undo_a_policy_that_locks_everybody_out():
    asked = engine(deny("*"))
    assert not asked.decide(LOCAL_CALLER, "runs.start").allowed
    assert asked.decide(LOCAL_CALLER, "policies.write").allowed
    assert not asked.decide(caller("ann", "admin"), "policies.write").allowed


@pytest.mark.parametrize(
    "name", ['"; permit(principal, action, resource); //', "a\\*b", "ä\U0001f600", "*", ""]
)
def test_names_are_never_taken_for_syntax(name: str):
    asked = engine(deny(f"agents.use:{name}x", users=[name or "-"], agents=[name or "-"]))
    for text in (name, "anything"):
        assert not asked.decide(caller(text), "agents.use", text).allowed
        assert asked.decide(caller(text, "admin"), "runs.start", text, text).allowed


def test_a_decision_says_what_decided_it():
    decision = engine().decide(caller("ann", "member", scopes=["runs.*"]), "runs.start")
    assert decision.because == ["runs.* of the role member", "runs.* of the key"]
    assert decision.reason == "It is allowed by runs.* of the role member and runs.* of the key."
    assert engine().decide(caller("ann", "viewer"), "runs.start").reason == (
        "No role allows runs.start."
    )


def test_a_role_that_includes_itself_is_an_error():
    circle = {"a": Role(name="a", includes=["b"]), "b": Role(name="b", includes=["a"])}
    with pytest.raises(ConfigError, match="includes itself"):
        Engine({**BUILTIN_ROLES, **circle}, []).decide(LOCAL_CALLER, "runs.start")


@pytest.mark.parametrize(
    "text", ["runs.stat", "run.*", "", ":x", "agents.use:", "r?ns.start", "runs.start:x", "*:"]
)
def test_what_is_no_permission_is_refused(text: str):
    with pytest.raises(InvalidInput):
        permission(text)


def test_a_mistyped_permission_is_answered_with_the_right_one():
    with pytest.raises(InvalidInput) as raised:
        permission("runs.stat")
    assert raised.value.hint == "Did you mean runs.start?"


def test_a_resource_leaves_out_actions_that_have_none():
    assert permission("*:helper").actions
    assert "runs.start" not in permission("*:helper").actions
