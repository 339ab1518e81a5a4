"""Decides by a fixed set of rules, remembers what it decided, and says why.

Made by `runtime.guard` for each set of rules that is in force. What it remembers is exact: a
decision depends on nothing but the question and the rules, and other rules are another engine.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NamedTuple

from muxi.core.caller import DEFAULT_TENANT, Caller
from muxi.core.errors import ConfigError
from muxi.core.policies import Decision, PolicyRule, Role
from muxi.identity.policy.cedar import (
    ALL,
    Json,
    bearer,
    entities,
    entity,
    operators_only,
    policy_set,
    statement,
)

if TYPE_CHECKING:
    import cedarpy

_MOST_REMEMBERED = 20_000
"""Decisions; a few hundred bytes each."""

_OF_OPERATORS = "This concerns every tenant of the project, and only who runs it may do that."

_MOST_SCOPES = 1_000
"""Sets of scopes that are kept translated."""


class Question(NamedTuple):
    """All that a decision depends on, beside the rules."""

    user: str
    acting_for: str | None
    groups: frozenset[str]
    roles: frozenset[str]
    scopes: frozenset[str] | None
    local: bool
    home: bool
    """Whether it is asked in the tenant that runs the project."""
    action: str
    resource: str | None
    agent: str | None


@dataclass(frozen=True, slots=True)
class _Rule:
    """Where a policy of Cedar comes from, for who asks why."""

    words: str
    """The permission and what it stands in."""
    reason: str = ""


@dataclass(eq=False)
class Engine:
    """Some roles and policies, ready to be asked."""

    roles: Mapping[str, Role]
    policies: Sequence[PolicyRule]
    _decided: dict[Question, Decision] = field(default_factory=dict[Question, Decision])
    _scoped: dict[frozenset[str], _Policies] = field(
        default_factory=dict[frozenset[str], "_Policies"]
    )
    _rules: _Policies | None = None
    _users: frozenset[str] = field(init=False)
    _groups: frozenset[str] = field(init=False)
    _bearers: frozenset[str] = field(init=False)

    def __post_init__(self) -> None:
        self._users = frozenset(name for rule in self.policies for name in rule.users)
        self._groups = frozenset(name for rule in self.policies for name in rule.groups)
        named = {name for rule in self.policies for name in rule.roles}
        self._bearers = frozenset(self.roles.keys() | named)

    def decide(
        self, caller: Caller, action: str, resource: str | None = None, agent: str | None = None
    ) -> Decision:
        """Whether `caller` may do `action` upon `resource`, in a run of `agent` if one is named."""
        acting = caller.acting_for
        question = Question(
            # Who is named by no rule is like anybody else, and answered with what they were told.
            caller.user if caller.user in self._users else "",
            acting if acting in self._users else None,
            caller.groups & self._groups if self._groups else self._groups,
            caller.roles & self._bearers,
            caller.credential.scopes,
            caller.credential.kind == "local",
            caller.tenant == DEFAULT_TENANT,
            action,
            resource,
            agent,
        )
        known = self._decided.get(question)
        if known is None:
            if len(self._decided) >= _MOST_REMEMBERED:
                self._decided.clear()
            known = self._decided[question] = self._ask(question)
        return known

    def _ask(self, question: Question) -> Decision:
        if self._rules is None:
            self._rules = _Policies(dict(_of_rules(self.roles, self.policies)))
        allowed, because = self._rules.ask(question)
        if allowed and question.scopes is not None:
            allowed, within = self._scopes(question.scopes).ask(question)
            if not allowed:
                return _decision(question, [], _beyond(question))
            because += within
        reason = _allowed(because) if allowed else _refused(question, because)
        return _decision(question, because, reason, allowed=allowed)

    def _scopes(self, scopes: frozenset[str]) -> _Policies:
        known = self._scoped.get(scopes)
        if known is None:
            if len(self._scoped) >= _MOST_SCOPES:
                self._scoped.clear()
            known = self._scoped[scopes] = _Policies(
                {
                    f"scope {number}": (_Rule(f"{text} of the key"), statement("permit", ALL, text))
                    for number, text in enumerate(sorted(scopes))
                }
            )
        return known


class _Policies:
    """A set of policies of Cedar."""

    def __init__(self, rules: Mapping[str, tuple[_Rule, Json]]) -> None:
        import cedarpy

        self._cedar = cedarpy
        self._rules = {name: rule for name, (rule, _) in rules.items()}
        translated = policy_set({name: each for name, (_, each) in rules.items()})
        self._set: cedarpy.PolicySet = cedarpy.PolicySet.from_json_str(json.dumps(translated))

    def ask(self, question: Question) -> tuple[bool, list[_Rule]]:
        """What they say, and which of them decided it."""
        resource = question.resource or ""
        request: dict[str, Any] = {
            "principal": entity("User", question.user),
            "action": entity("Action", question.action),
            "resource": entity("Resource", resource),
            "context": {
                "agent": question.agent or "",
                "credential": "local" if question.local else "",
                "home": question.home,
            },
        }
        facts = entities(
            question.user, question.acting_for, question.groups, question.roles, resource
        )
        result = self._cedar.is_authorized(  # pyright: ignore[reportUnknownMemberType] -- its dicts say nothing of what is in them
            request, self._set, json.dumps(facts)
        )
        errors = result.diagnostics.errors
        # A rule that cannot be judged is skipped by Cedar, also if it forbids: nothing then goes.
        allowed = result.decision is self._cedar.Decision.Allow and not errors
        return allowed, [self._rules[name] for name in sorted(result.diagnostics.reasons)]


def flattened(roles: Mapping[str, Role]) -> dict[str, list[Role]]:
    """Each role with all roles that it includes, itself first.

    Raises:
        ConfigError: One includes a role that does not exist, or itself.
    """
    return {name: list(_included(name, roles, ())) for name in roles}


def _included(name: str, roles: Mapping[str, Role], above: tuple[str, ...]) -> Iterator[Role]:
    if name in above:
        raise ConfigError(f"The role {name} includes itself.")
    role = roles.get(name)
    if role is None:
        raise ConfigError(f"The role {above[-1]} includes {name}, which does not exist.")
    yield role
    for each in role.includes:
        yield from _included(each, roles, (*above, name))


def _of_rules(
    roles: Mapping[str, Role], policies: Iterable[PolicyRule]
) -> Iterator[tuple[str, tuple[_Rule, Json]]]:
    for name, whole in flattened(roles).items():
        who = bearer("Role", name)
        for role in {each.name: each for each in whole}.values():
            for text in role.allow:
                rule = _Rule(f"{text} of the role {role.name}")
                permitted = statement("permit", who, text)
                yield f"role {name} {role.name} allow {text}", (rule, permitted)
            for text in role.deny:
                rule = _Rule(f"{text}, denied by the role {role.name}")
                forbidden = statement("forbid", who, text)
                yield f"role {name} {role.name} deny {text}", (rule, forbidden)
    yield "operators", (_Rule("a rule of muxi", _OF_OPERATORS), operators_only())
    for policy in policies:
        yield from _of_policy(policy)


def _of_policy(policy: PolicyRule) -> Iterator[tuple[str, tuple[_Rule, Json]]]:
    denies = policy.effect == "deny"
    whom = [
        *(bearer("User", name, also_for=denies) for name in policy.users),
        *(bearer("Group", name) for name in policy.groups),
        *(bearer("Role", name) for name in policy.roles),
    ]
    does = "denied" if denies else "allowed"
    for number, who in enumerate(whom or [ALL]):
        for text in policy.permissions:
            rule = _Rule(f"{text}, {does} by the policy {policy.name}", policy.reason)
            translated = statement("forbid" if denies else "permit", who, text, policy.agents)
            yield f"policy {policy.name} {number} {text}", (rule, translated)


def _decision(
    question: Question, because: Sequence[_Rule], reason: str, *, allowed: bool = False
) -> Decision:
    return Decision(
        allowed=allowed,
        action=question.action,
        resource=question.resource,
        agent=question.agent,
        reason=reason,
        because=list(dict.fromkeys(rule.words for rule in because)),
    )


def _named(question: Question) -> str:
    upon = "" if question.resource is None else f":{question.resource}"
    return question.action + upon


def _beyond(question: Question) -> str:
    return f"The key that was used is not good for {_named(question)}: it lies beyond its scopes."


def _allowed(because: Sequence[_Rule]) -> str:
    words = " and ".join(dict.fromkeys(rule.words for rule in because))
    return f"It is allowed by {words}."


def _refused(question: Question, because: Sequence[_Rule]) -> str:
    if because:
        reasons = [rule.reason for rule in because if rule.reason]
        words = " and ".join(dict.fromkeys(rule.words for rule in because))
        return reasons[0] if reasons else f"It is refused: {words}."
    return f"No role allows {_named(question)}."
