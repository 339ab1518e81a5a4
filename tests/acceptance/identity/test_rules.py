"""`muxi role`, `policy`, `can` and `audit`, as an administrator types them.

The commands run in this process, each as the owner of a project that needs no model.
"""

from __future__ import annotations

import json

import pytest

from tests.acceptance.identity.conftest import Admin


def test_a_role_is_made_and_told_of(admin: Admin) -> None:
    added = admin("role", "add", "support", "--include", "viewer", "--allow", "agents.use:helper")
    assert (added.out, added.err) == ("", "Added support.\n")
    admin("user", "add", "ann", "--role", "support")
    may = admin("can", "agents.use:helper", "--user", "ann").out
    assert may == "yes: It is allowed by agents.use:helper of the role support.\n"
    assert admin("can", "runs.start", "--user", "ann", code=1).out.startswith("no: ")
    admin("role", "change", "support", "--allow", "runs.*")
    assert admin("can", "runs.start", "--user", "ann").out.startswith("yes: ")
    assert admin("can", "agents.use:helper", "--user", "ann", code=1).out.startswith("no: ")


@pytest.mark.ci
def test_roles_are_listed_shown_and_removed(admin: Admin) -> None:
    admin("role", "add", "support", "--allow", "runs.*", "--description", "Helps customers.")
    names = [line.split()[:2] for line in admin("role", "list").out.splitlines()]
    assert ["support", "database"] in names
    assert ["drafter", "file"] in names
    assert ["admin", "builtin"] in names
    shown = dict(
        line.split(maxsplit=1) for line in admin("role", "show", "support").out.splitlines()
    )
    assert shown == {
        "role": "support",
        "from": "database",
        "description": "Helps customers.",
        "allows": "runs.*",
    }
    stored = json.loads(admin("role", "show", "support", "--json").out)
    assert (stored["allow"], stored["source"]) == (["runs.*"], "database")
    admin("role", "delete", "support")
    assert "no role support" in admin("role", "show", "support", code=1).err
    assert "agents.use" in admin("role", "actions").out


@pytest.mark.ci
def test_what_makes_no_role_is_told_and_changes_nothing(admin: Admin) -> None:
    admin("role", "add", "support", "--allow", "runs.*")
    again = admin("role", "add", "support", "--allow", "*", code=1)
    assert "already" in again.err
    assert "declared in the project's file" in admin("role", "change", "drafter", code=1).err
    assert "built in" in admin("role", "delete", "admin", code=1).err
    wrong = admin("role", "add", "other", "--allow", "runs.begin", code=2).err
    assert wrong.startswith("error: --allow: 'runs.begin' permits nothing")
    assert "no role nobody" in admin("role", "add", "other", "--include", "nobody", code=2).err
    assert admin("role", "add", "No Name", code=2).err.startswith("error: The name: ")
    roles = json.loads(admin("role", "list", "--json").out)
    assert [role["allow"] for role in roles if role["source"] == "database"] == [["runs.*"]]


@pytest.mark.ci
def test_a_policy_is_made_changed_and_removed(admin: Admin) -> None:
    admin("user", "add", "ann")
    admin("policy", "add", "no-shell", "--deny", "tools.use:shell", "--reason", "Ask in #ops.")
    refused = admin("can", "tools.use:shell", "--user", "ann", code=1)
    assert refused.out == "no: Ask in #ops.\n"
    assert refused.err == "  tools.use:shell, denied by the policy no-shell\n"
    admin("policy", "change", "no-shell", "--to-user", "eve", "--to-group", "guests")
    assert admin("can", "tools.use:shell", "--user", "ann").out.startswith("yes: ")
    assert [" ".join(line.split()) for line in admin("policy", "list").out.splitlines()] == [
        "no-git deny tools.use:git user eve file",
        "no-shell deny tools.use:shell user eve, group guests database",
    ]
    assert "refuses" in admin("policy", "show", "no-shell").out
    admin("policy", "delete", "no-shell")
    admin("policy", "delete", "no-shell", code=1)
    assert "not both" in admin("policy", "add", "p", "--allow", "*", "--deny", "*", code=2).err
    assert "--allow or --deny" in admin("policy", "add", "p", code=2).err


@pytest.mark.ci
def test_who_may_do_what_is_asked_with_care(admin: Admin) -> None:
    assert "There is no user nobody" in admin("can", "runs.start", "--user", "nobody", code=1).err
    assert admin("can", "runs.begin", code=2).err.startswith("error: 'runs.begin' permits nothing")
    assert "pattern of several" in admin("can", "runs.*", code=2).err
    decision = json.loads(admin("can", "runs.start", "--json").out)
    assert (decision["allowed"], decision["action"]) == (True, "runs.start")


@pytest.mark.ci
def test_the_audit_log_tells_who_gave_whom_what_and_is_verified(admin: Admin) -> None:
    admin("user", "add", "ann", "--role", "viewer")
    admin("user", "change", "ann", "--role", "admin")
    admin("key", "create", "nightly", "--of", "ann")
    admin("role", "delete", "nobody", code=1)
    entries = json.loads(admin("audit", "list", "--json").out)
    assert [entry["action"] for entry in entries[:3]] == [
        "keys.write",
        "users.write",
        "users.write",
    ]
    made, changed, added = (entry["details"] for entry in entries[:3])
    assert (made["user"], made["key"][:4]) == ("ann", "key_")
    assert (changed["roles"], changed["changed"]) == ("admin", "roles")
    assert (added["user"], added["roles"]) == ("ann", "viewer")
    assert {entry["actor"] for entry in entries} == {"local"}
    assert admin("audit", "list", "--action", "keys.write").out.count("\n") == 1
    assert admin("audit", "list", "--actor", "ann").out == ""
    assert admin("audit", "list", "--refused").out == ""
    assert len(admin("audit", "list", "-n", "1").out.splitlines()) == 1


@pytest.mark.ci
def test_a_log_that_was_exported_is_verified_anywhere(admin: Admin) -> None:
    admin("user", "add", "ann", "--role", "viewer")
    admin("user", "add", "ben")
    told = dict(line.split() for line in admin("audit", "head").out.splitlines())
    said = admin("audit", "export", "log.jsonl").err
    assert said.endswith("lines to log.jsonl.\n")
    assert admin("audit", "export").out == (admin.folder / "log.jsonl").read_text()
    good = admin("audit", "verify", "log.jsonl", "--head", told["head"], "--key", told["key"])
    assert good.out.startswith("default: good, 2 entries under ")
    assert admin("audit", "verify").out == admin("audit", "verify", ".muxi/muxi.db").out == good.out
    text = (admin.folder / "log.jsonl").read_text()
    (admin.folder / "other.jsonl").write_text(text.replace("viewer", "member"))
    bad = admin("audit", "verify", "other.jsonl", code=1).out
    assert "things are wrong" in bad
    assert "entry 1: " in bad
    (admin.folder / "cut.jsonl").write_text(text.splitlines(keepends=True)[0])
    admin("audit", "verify", "cut.jsonl", "--head", told["head"], code=1)
    assert admin("audit", "verify", "--head", "1", code=2).err.startswith("error: ")
