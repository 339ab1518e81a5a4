"""The phrases by which a server's words give themselves away, as a table. Read by `poison`.

Patterns are matched against text that was made plain: small letters, compatible forms unified, and
nothing invisible left. Every gap in them is bounded, so that no text can make them slow.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

Severity = Literal["error", "warning"]


@dataclass(frozen=True, slots=True)
class Phrase:
    """One rule: what it is called, how grave it is, what it looks for, what that means."""

    rule: str
    severity: Severity
    pattern: re.Pattern[str]
    message: str


def _phrase(rule: str, severity: Severity, message: str, pattern: str) -> Phrase:
    return Phrase(rule, severity, re.compile(pattern, re.VERBOSE), message)


_PLACES = r"""(?:
    ~?/?\.ssh\b | \bid_(?:rsa|ed25519|ecdsa)\b | \.aws/credentials | /etc/(?:passwd|shadow)
    | \.(?:netrc|npmrc|pypirc|git-credentials)\b | \.kube/config | \.docker/config\.json
    | (?<![\w.])\.env\b(?!\.) | \.cursor/ | claude_desktop_config | \bmcp\.json\b
    | login\.keychain | \bwallet\.dat\b
)"""
_PRIVATE = r"""(?:
    conversation | chat\s?(?:history|log) | system\s(?:prompt|message) | api[\s_-]?keys?
    | credentials? | passwords? | access\stokens? | private\skeys? | secrets?
    | environment\svariables
)"""
_ANY_TOOL = r"(?:any|all|every|each|other|another)\b [^.\n]{0,15} \btools?\b"

PHRASES: tuple[Phrase, ...] = (
    _phrase(
        "override-instructions",
        "error",
        "tells the model to set its instructions aside",
        r"""\b(?:ignore|disregard|forget|override|bypass)\b [^.\n]{0,40}
        \b(?:previous|prior|above|earlier|other|system|all|your)\b [^.\n]{0,20}
        \b(?:instructions?|prompts?|rules|guidelines|messages|constraints|safety)\b""",
    ),
    _phrase(
        "conceal-from-user",
        "error",
        "asks the model to keep something from the user",
        r"""\b(?:do\snot|don'?t|never|without|must\snot|should\snot|avoid)\b [^.\n]{0,30}
        \b(?:tell(?:ing)? | mention(?:ing)? | inform(?:ing)? | notify(?:ing)? | reveal(?:ing)?
            | disclos(?:e|ing) | show(?:ing)? | alert(?:ing)?)\b [^.\n]{0,30}
        \b(?:user|human|person|operator)s?\b (?!\s*(?:name|id|agent)\b | 's)
        | \b(?:hide|conceal|keep)\b [^.\n]{0,30} \b(?:secret|hidden|from)\b [^.\n]{0,20} \busers?\b
        | \b(?:user|human)s?\s(?:must|should|may|does|do)\s?(?:not|n't)\s(?:know|see|notice)\b""",
    ),
    _phrase(
        "instruction-tag",
        "error",
        "imitates the marks that set a model's instructions apart",
        r"""<\s*/?\s*(?:important|system|instructions?|secret|hidden|admin|developer|assistant
            |critical)\s*>
        | <\|[a-z_]{2,30}\|> | \[/?inst\] | <</?sys>>
        | (?:^|\n)[ \t]*(?:\#{1,6}[ \t]*)?system[ \t]*(?:prompt|message)?[ \t]*:[ \t]*\S""",
    ),
    _phrase(
        "secret-access",
        "error",
        "asks for a file in which secrets are kept",
        rf"""\b(?:read|open|cat|include|attach|pass|send|provide|fetch|load|copy|contents?\sof)\b
        [^.\n]{{0,60}} {_PLACES}""",
    ),
    _phrase("secret-place", "warning", "names a place in which secrets are kept", _PLACES),
    _phrase(
        "exfiltration",
        "error",
        "asks for private things to be sent away",
        rf"""\b(?:send|forward|post|upload|transmit|leak|exfiltrate|append|bcc|include|pass|copy)\b
        [^.\n]{{0,60}} \b{_PRIVATE}\b [^.\n]{{0,60}}
        (?: https?:// | [\w.+-]{{1,64}}@[\w-]{{1,64}}\.\w
            | \b(?:to|as|in|into|via)\s(?:(?:this|the|our|a)\s)?(?:\w{{1,20}}\s)?
            (?:server|url|endpoint|address|parameter|argument|field|sidenote|webhook|proxy)\b )""",
    ),
    _phrase(
        "commandeering",
        "error",
        "claims a place in the use of other tools",
        rf"""\b(?:before|after|whenever|when|prior\sto|instead\sof|(?:each|every)\stime)\b
        [^.\n]{{0,30}} \b{_ANY_TOOL} [^.\n]{{0,60}} \b(?:must|always|call|use|invoke|run)\b
        | \b(?:always|must)\b [^.\n]{{0,30}} \b(?:this\stool|call\sthis|use\sthis)\b
        [^.\n]{{0,30}} \b(?:before|instead\sof|prior\sto|after)\b [^.\n]{{0,15}} \b{_ANY_TOOL}""",
    ),
    _phrase(
        "pressure",
        "warning",
        "presses the model to act in an order of its own",
        r"""\b(?:you\smust|always)\b [^.\n]{0,40} \b(?:call|use|invoke|read)\b [^.\n]{0,60}
        \b(?:first|before|otherwise|or\selse)\b
        | \b(?:otherwise|or\selse)\b [^.\n]{0,40}
        \b(?:will\snot\swork|will\sfail|be\s(?:fired|punished|deleted))\b""",
    ),
    _phrase(
        "hidden-markup",
        "error",
        "holds markup that people are not shown",
        r"""<!--(?:.|\n){1,2000}?--> | display\s?:\s?none
        | !\[[^\]\n]{0,200}\]\(\s?https?://[^)\s]{0,500}[?&]""",
    ),
    _phrase(
        "pushed-out-of-sight",
        "error",
        "has text after a long stretch of blanks, where people do not look",
        r"(?:[ \t]{100,200}|(?:\n[ \t]{0,40}){25,50})\S?",
    ),
    _phrase(
        "encoded-text",
        "warning",
        "holds a long encoded text",
        r"(?<![a-z0-9+/])(?:[a-z0-9+/]{80}|(?:[0-9a-f]{2}\s?){60})",
    ),
)

ERROR_PARAMETERS = re.compile(
    r"side_?(?:note|channel)s?|chain_of_thought|hidden_?(?:note|context|data)?|exfil\w*"
)
"""Names of parameters that have no honest use."""
WARNING_PARAMETERS = re.compile(
    r"system_?prompt|(?:conversation|chat)_?(?:history|log|context)|full_?context|all_?secrets?"
)
"""Names of parameters through which a model may tell more than its task needs."""
