"""Ask a person whether a tool call may be made. Called by the conversation when a run waits.

Nothing but a clear answer is consent: an empty line asks again, and leaving decides nothing.
"""

from __future__ import annotations

import json
from typing import Any

from muxi.cli import narration
from muxi.cli.chat.prompt import Prompt
from muxi.cli.chat.screen import Screen
from muxi.core.events import Approval, ApprovalDecision

_CHOICES = "Allow this call? [y]es, [n]o, [e]dit the arguments: "


async def decide(prompt: Prompt, screen: Screen, approval: Approval) -> ApprovalDecision | None:
    """The person's answer, or None if they leave it open with Ctrl-C or Ctrl-D."""
    screen.question(narration.question(approval))
    prompt.forget_typed_ahead()
    try:
        while True:
            answer = (await prompt.ask(_CHOICES)).strip().lower()
            if answer in ("y", "yes"):
                return ApprovalDecision(decision="approve")
            if answer in ("n", "no"):
                reason = await prompt.ask("Why not? (the agent is told; Enter for no reason) ")
                return ApprovalDecision(decision="deny", reason=reason.strip() or None)
            if answer in ("e", "edit"):
                edited = await _edit(prompt, screen, approval.arguments)
                if edited is not None:
                    return ApprovalDecision(decision="approve", arguments=edited)
    except (EOFError, KeyboardInterrupt):
        return None


async def _edit(prompt: Prompt, screen: Screen, arguments: dict[str, Any]) -> dict[str, Any] | None:
    """Other arguments, as a JSON object; None for a change of mind."""
    text = json.dumps(arguments, ensure_ascii=False)
    while True:
        text = await prompt.ask("Arguments (JSON; empty to go back): ", text)
        if not text.strip():
            return None
        try:
            value: Any = json.loads(text)
        except ValueError as error:
            screen.error(f"This is not JSON: {error}.")
            continue
        if isinstance(value, dict):
            return {str(name): argument for name, argument in value.items()}  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType] -- JSON of any shape
        screen.error('The arguments must be a JSON object, such as {"name": 1}.')
