"""Spoken arithmetic in signs: "divide 100 by 4" becomes `(100)/(4)`. Used by `arithmetic`.

Small models hand over the words of the user, so those are what the calculator must read. The
rewriting knows phrases, not numbers; what it leaves is read by the parser.
"""

from __future__ import annotations

import re

from muxi.tools.builtin.number_words import ORDINALS, is_number_word, without_hyphens

_SIGNS = str.maketrans(
    {
        **dict.fromkeys("×✕✖⋅·∙∗", "*"),
        **dict.fromkeys("÷∕⁄", "/"),
        **dict.fromkeys("−–—", "-"),
        **dict.fromkeys("’‘`", "'"),
        **dict.fromkeys("[{", "("),
        **dict.fromkeys("]}", ")"),
        **dict.fromkeys("$€£¥", " "),
        **dict.fromkeys("\u00a0\u202f\u2009", " "),
        "√": " sqrt ",
        "∛": " cbrt ",
        "π": " pi ",
        "²": "^2",
        "³": "^3",
    }
)

_LEADING = re.compile(
    r"^(?:[\s,:]|(?:hey|hi|ok|okay|so|please|now|and|then|just)\b"
    r"|(?:can|could|would|will) (?:you|we)\b|do you know\b|(?:i|we) (?:want|need|would like)\b"
    r"|(?:i'd )?(?:like|love|want|need)\b(?= to\b)|i'd like\b"
    r"|to (?:know|find|calculate|compute)\b|help me\b|(?:tell|show|give) (?:me|us)\b"
    r"|what(?:'s|s| is| are| does| do| would be| will be)?\b|how (?:much|many)(?: is| are| does)?\b"
    r"|(?:do )?(?:you|we|i) (?:get|have|obtain)\b|(?:if|when) (?:you|we|i)\b"
    r"|calculate|compute|evaluate|solve|determine|convert|work out|figure out|find(?: out)?\b"
    r"|(?:is|are|be|it|of|equal to|does|do)\b)+"
)
_TRAILING = re.compile(
    r"(?:[\s?.;:=,]|(?<=[a-z?])!|\b(?:please|for me|thanks|thank you|equals?|equal to|is|are|be"
    r"|what|makes?|come to|to decimal|as decimal|give|result|right now"
    r"|exactly|in total|altogether))+$"
)
_EMPTY = re.compile(
    r"\b(?:the )?(?:result|value|answer|outcome)(?: of| to| for)?\b"
    r"|\b(?:the|a|an|dollars?|euros?|bucks|usd|eur|gbp|bill)\b(?! *\()"
)


def _pattern(text: str, signs: str) -> tuple[re.Pattern[str], str]:
    return re.compile(f"^(?:{text})$"), signs


_AMONG = r"(?:equally |evenly )?(?:among|between|into)"
_INTO = r"(?:equally |evenly )?(?:among|between|into|by)"
_HEADS = r"(?: (?:people|persons|friends|children|parts|ways))?"
_SENTENCES = (
    _pattern(
        r"(.+?),?\s+(?:and then|then|and) (?:multipl(?:y|ied)(?: it| that)? by|times) (.+)", "1*2"
    ),
    _pattern(r"(.+?),?\s+(?:and then|then|and) (?:divided?)(?: it| that)? by (.+)", "1/2"),
    _pattern(r"(.+?),?\s+(?:and then|then) (?:add|plus) (.+)", "1+2"),
    _pattern(r"(.+?),?\s+(?:and then|then) (?:subtract|minus|take away) (.+)", "1-2"),
    _pattern(r"(?:percent|percentage) of (.+?) (?:is|are) (.+)", "share(2/1)"),
    _pattern(r"percentage is (.+?) of (.+)", "share(1/2)"),
    _pattern(r"(.+?) (?:is|are|as) (?:what )?(?:a )?(?:percent|percentage) of (.+)", "share(1/2)"),
    _pattern(r"log(?:arithm)? (?:to )?base (.+?) of (.+)", "log(2,1)"),
    _pattern(r"(.+) choose (.+)", "comb(1,2)"),
    _pattern(r"add (.+?) to (.+)", "2+1"),
    _pattern(r"(.+) added to (.+)", "2+1"),
    _pattern(r"(?:subtract|deduct|take(?: away)?) (.+?) (?:away )?from (.+)", "2-1"),
    _pattern(r"(.+) (?:is )?subtracted from (.+)", "2-1"),
    _pattern(r"(.+) less than (.+)", "2-1"),
    _pattern(r"(.+) more than (.+)", "2+1"),
    _pattern(r"(.+?%|.+? percent) (?:off|discount on)(?: of)? (.+)", "2-1"),
    _pattern(r"multiply (.+) (?:by|with|times) (.+)", "1*2"),
    _pattern(rf"(?:divide|split|share) (.+?) {_INTO} (.+?){_HEADS}", "1/2"),
    _pattern(rf"(.+) (?:divided {_AMONG}|(?:split|shared) {_INTO}) (.+?){_HEADS}", "1/2"),
    _pattern(r"(?:increase|raise|grow) (.+) by (.+)", "1+2"),
    _pattern(r"(.+) (?:increased|raised|grown) by (.+)", "1+2"),
    _pattern(r"(?:decrease|reduce|lower|cut) (.+) by (.+)", "1-2"),
    _pattern(r"(.+) (?:decreased|reduced|lowered|cut) by (.+)", "1-2"),
    _pattern(r"raise (.+?) to (?:power(?: of)? )?(.+)", "1^2"),
    _pattern(r"remainder (?:of|when) (.+) (?:is )?divided by (.+)", "1 mod 2"),
    _pattern(r"(?:quotient|ratio) of (.+) (?:and|to) (.+)", "1/2"),
    _pattern(r"(.+?)(?: [a-z]+)? at (.+) (?:each|apiece)", "1*2"),
    _pattern(r"(.+?) (?:away )?from (.+)", "2-1"),
)
"""Whole sentences; 1 and 2 stand for their two operands, which may be sentences themselves."""

_POWERS = "|".join(ORDINALS)
_TO_ORDINAL = re.compile(rf"\b(?:raised )?to (?:power(?: of)? )?({_POWERS})\b(?: power)?")
_PHRASES = tuple(
    (re.compile(pattern), signs)
    for pattern, signs in (
        (r"\b(?:raised )?to (?:power(?: of)? )?(\d+)(?:st|nd|rd|th)\b(?: power)?", r"^\1"),
        (r"\b(?:raised )?to (?:power|exponent)(?: of)?\b|\braised to\b", "^"),
        (r"\bsquared\b", "^2"),
        (r"\bcubed\b", "^3"),
        (r"\b(?:multiplied (?:by|with)|times)\b", "*"),
        (r"\b(?:divided by|over)\b", "/"),
        (r"\bplus\b", "+"),
        (r"\b(?:minus|take away|less)\b", "-"),
        (r"\bnegative\b", "-"),
        (r"\bmodulo\b|\bmodulus\b", "mod"),
        (r"\bper ?cent\b", "%"),
        (r"\b(?:tip|tax|vat|interest|commission) (?:on|of|for)\b", "of"),
        (r"(?<=[\d)]) factorial\b", "!"),
        (r"\bsquare roots?\b", "sqrt"),
        (r"\b(?:cube|cubic|third) root\b", "cbrt"),
        (r"\bnatural log(?:arithm)?\b", "ln"),
        (r"\blogarithm\b", "log"),
        (r"\babsolute value\b", "abs"),
        (r"\b(?:greatest|highest|largest) common (?:divisor|factor)\b", "gcd"),
        (r"\b(?:least|lowest|smallest) common multiple\b", "lcm"),
        (r"\b(?:total|add up|add|sum up)\b", "sum"),
        (r"\bmultiply\b", "product"),
        (r"\bdifference between\b", "difference of"),
        (r"\b(?:largest|biggest|greatest|highest|maximum)\b", "max"),
        (r"\b(?:smallest|lowest|least|minimum)\b", "min"),
        (r"\bmean\b", "average"),
        (r"\btwice\b", "double"),
        (r"\bsine\b", "sin"),
        (r"\bcosine\b", "cos"),
        (r"\btangent\b", "tan"),
        (r"\bdegrees?\b|°", " deg "),
        (r"(?<=[\d)%])\s*x\s*(?=[\d(.])", "*"),
        (r",\s*(?=[-+*/])", " "),
    )
)


_EQUATION = re.compile(
    r"(.+?)(?:==?|\b(?:is )?(?:equals?|equal to|the same as)(?: to)?\b)(.+)", re.DOTALL
)


def sides(text: str) -> tuple[str, str] | None:
    """The two sides of an equation that may hold or not; None if `text` is none, such as one with
    a side that is asked for."""
    match = _EQUATION.fullmatch(text.lower())
    if match is None or not all(_has_number(side) for side in match.groups()):
        return None
    return match[1], match[2]


def _has_number(text: str) -> bool:
    words = re.findall(r"[a-z]+", text)
    return any(sign.isdigit() for sign in text) or any(map(is_number_word, words))


def in_signs(text: str) -> str:
    """`text` in lower case with the phrases of spoken arithmetic written in signs."""
    return _rewritten(without_hyphens(text.lower().translate(_SIGNS)))


def _rewritten(text: str) -> str:
    text = " ".join(_EMPTY.sub(" ", text).split())
    text = _TRAILING.sub("", _LEADING.sub("", text))
    for pattern, signs in _SENTENCES:
        match = pattern.match(text)
        if match is not None:
            operands = {"1": f"({_rewritten(match[1])})", "2": f"({_rewritten(match[2])})"}
            return "".join(operands.get(sign, sign) for sign in signs)
    text = _TO_ORDINAL.sub(lambda match: f"^{ORDINALS[match[1]]}", text)
    for pattern, signs in _PHRASES:
        text = pattern.sub(signs, text)
    return text
