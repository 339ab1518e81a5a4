"""Which sentences of a turn its speaker means, as said of themselves and as true. Called by `junk`
and `statements`.

What is asked, supposed, quoted, handed over to be worked on, or said of somebody else is left out.
It errs on the side of hearing nothing.
"""

from __future__ import annotations

import re
from typing import Final

LONGEST: Final = 2_000
"""Characters; a longer turn is something pasted."""

_CODE: Final = re.compile(r"```.*?(?:```|\Z)|`[^`\n]*`", re.DOTALL)
_QUOTED: Final = re.compile(
    r"\"[^\"\n]{0,400}\"|“[^”\n]{0,400}”|„[^“”\n]{0,400}[“”]|«[^»\n]{0,400}»"
    r"|(?<!\w)'[^'\n]{12,400}'(?!\w)|‘[^’\n]{0,400}’(?!\w)"
)
_SET_OFF: Final = re.compile(r"^[ \t]*(?:>|\||#{1,6} |[-*•] |\d+[.)] |\[|<|\{).*$", re.MULTILINE)
"""Quotations, tables, lists, headings, marked-up and structured lines."""
_LETTER: Final = re.compile(
    r"^[ \t]*(?:dear |from:|to:|subject:|date:|re:|fwd?:|cc:|best regards|kind regards|sincerely|"
    r"yours (?:truly|faithfully)|user:|assistant:|system:|human:|ai:|q:|a:|\w+ wrote:)",
    re.IGNORECASE | re.MULTILINE,
)
_WORK: Final = re.compile(
    r"\b(?:translat\w*|rewrite|rephrase|reword|paraphras\w*|proofread|summari[sz]e|correct (?:this|"
    r"the|my)|grammar|spell\w*|fill in|autocomplete|complete the|write (?:a|an|the|me|some|in)|"
    r"draft|compose|generate|role[- ]?play\w*|pretend|imagine|suppose|assum\w+|hypothetical\w*|"
    r"act as|acting as|play the|in character|character|persona|story|stories|novel|poem|lyrics|"
    r"song|script|dialogue|scene|fiction\w*|joke|riddle|quote|sentence|phrase|example|e\.g|"
    r"for instance|test (?:case|data|message)|testing|sample|placeholder|lorem|template|"
    r"repeat after|say that|say this|classify|extract|parse|label|sentiment|what does|"
    r"how do you say|the (?:text|letter|email|message) (?:says|reads)|once upon|"
    r"just kidding|kidding|jk|lol|sarcas\w*|ironic\w*|my prompt|system prompt|"
    r"instructions? (?:say|are|is))\b",
    re.IGNORECASE,
)
"""Words of a turn that hands over a text, or makes one up."""
_SUPPOSED: Final = re.compile(
    r"\b(?:if|wish|wished|would|wouldn't|could|couldn't|might|maybe|perhaps|probably|hopefully|"
    r"unless|whether|as though|as if|dream\w*|almost|nearly|wanted?|want to|hope to|plan\w*|"
    r"going to|gonna|will|won't|'ll|shall|should|(?-i:may)|let's say|say i|used to|until|till|"
    r"thought|think (?:i|my)|guess|believe|assume|remember when|never|not|isn't|don't|doesn't|"
    r"didn't|aren't|wasn't|ain't|no longer|anymore|any more|supposedly|apparently|someday|one day|"
    r"he|she|they|his|her|their|him|them|someone|somebody|said|says|saying|told|tells|asked|"
    r"asks|wrote|writes|claims|claimed|according)\b|n't\b",
    re.IGNORECASE,
)
"""Words of a sentence that is no plain statement of its speaker's present."""
_SENTENCE: Final = re.compile(
    r"(?<=[.!?…])(?<!\b(?:St|Mt|Ft|Dr|Mr|Ms)\.)(?<!\bMrs\.)[\"')\]]*\s+|\n+|(?<=[。！？])"
)
"""Between sentences. The point of "St. Louis" ends none."""


def own_sentences(text: str) -> list[str]:
    """The sentences of `text` that its speaker says as their own; none of a text handed over."""
    if len(text) > LONGEST or _LETTER.search(text):
        return []
    plain = _SET_OFF.sub("\n", _QUOTED.sub(" \N{HORIZONTAL ELLIPSIS} ", _CODE.sub(" ", text)))
    if _WORK.search(plain) or _WORK.search(text):
        return []
    found: list[str] = []
    for sentence in _SENTENCE.split(plain):
        words = " ".join(sentence.split())
        # What follows a colon is somebody's words, or an example.
        if words.endswith(":"):
            break
        if words and not words.endswith("?"):
            found.append(words)
    return found


def is_plain(sentence: str) -> bool:
    """Whether it states something, and neither supposes, denies nor tells of others."""
    return not _SUPPOSED.search(sentence)
