"""What is no fact about the speaker, whoever says so. Called by `extraction` on every claim.

A model that extracts facts makes some up, repeats what it was shown, and finds facts about itself.
Each claim has to bear words of the turn that say so; what fails a check here is dropped, with the
reason counted. It must never let a claim pass that its turn does not support.
"""

from __future__ import annotations

import re
from typing import Final

from pydantic import JsonValue

from muxi.core.paths import steps
from muxi.memory.claims import Claim, Heard
from muxi.memory.sentences import is_plain, own_sentences
from muxi.memory.small_talk import is_small_talk
from muxi.retrieval.languages import spoken
from muxi.retrieval.words import tokens, words

_LONGEST_VALUE: Final = 300
"""Characters: what is longer is a text, and no fact."""
_LONGEST_LIST: Final = 20
_DEEPEST_PATH: Final = 4

_ASSISTANT: Final = frozenset(
    ["assistant", "agent", "ai", "bot", "chatbot", "model", "llm", "you", "your", "system", "muxi"]
)
_ABOUT_THE_TURN: Final = """
question request query task intent topic message conversation goal current_task current_question
greeting mood sentiment language_used
"""
_PASSING: Final = frozenset(_ABOUT_THE_TURN.split())
"""Steps of paths under which models file what a turn is about, and not who its speaker is."""
_NO_VALUE: Final = """
unknown|none|null|n/a|na|not specified|unspecified|not mentioned|not provided|undefined|user|
the user|yes|no|ok|true|false
"""
_NOTHING: Final = frozenset(_NO_VALUE.replace("\n", "").split("|"))
_SECRET_PATH: Final = re.compile(
    r"passwor|passwd|passphrase|secret|token|api_?key|credential|pin(?:_code)?$|cvv|ssn"
    r"|card_?number|iban|private_?key"
)
_SECRET_VALUE: Final = re.compile(
    r"(?:sk|pk|ghp|gho|xox[bp]|AKIA)[-_]?[A-Za-z0-9_-]{12,}|(?:\d[ -]?){13,19}"
    r"|-----BEGIN|eyJ[\w-]{10,}\.[\w-]{10,}"
)
_WE: Final = frozenset(
    ["we", "our", "ours", "us", "wir", "unser", "unsere", "nous", "notre", "nos"]
)
_NAMES_ITSELF: Final = frozenset(["en", "de", "fr", "nl", "sv", "da", "no", "nb"])
"""Languages in which nobody speaks of themselves without a word for it."""


_OWN: Final = frozenset(
    ["name", "nickname", "location", "work", "age", "birthday", "origin", "diet", "email", "born"]
)
"""First steps of paths that are about the speaker and nobody else."""
_OWN_NOUNS: Final = """
name names home house flat apartment job work employer company office address email birthday age
boss city town country nationality language hobby goal profession occupation
"""
_SELF: Final = frozenset(word for noun in _OWN_NOUNS.split() for word in words(noun))
_SUBJECT: Final = re.compile(r"\b(?:i|i['’]m|i['’]ve|we|we['’]re|we['’]ve|me|us)\b", re.IGNORECASE)
_MINE: Final = re.compile(r"\b(?:my|our)\s+((?:\w+['’]?\w*\s*){1,2})", re.IGNORECASE)
_THIRD_PERSON: Final = re.compile(
    r"\b(?:lives|works|moves|studies|who|whose|whom)\b", re.IGNORECASE
)


_MEANT_BY: Final = {
    "location": "live living lived based move moved relocated reside home house flat apartment",
    "name": "name named called call known",
    "nickname": "name named called call known nickname",
    "origin": "from born grew raised native come",
    "age": "old years age turned birthday",
    "work": "work works worked working job employed employer role position profession company "
    "joined career hired self-employed freelance office boss am",
    "diet": "eat vegetarian vegan diet pescatarian",
}
_EVIDENCE: Final = {
    first: {stem for word in text.split() for stem in words(word)}
    for first, text in _MEANT_BY.items()
}
"""For paths about the speaker: words of which a sentence has one if it says such a thing."""


def reason_against(claim: Claim, heard: Heard) -> str | None:
    """Why `claim` is no fact that `heard` tells of its speaker, in one word; None if it is."""
    return (
        _reason_against_turn(heard)
        or _reason_against_path(claim)
        or _reason_against_value(claim)
        or _reason_against_quote(claim, heard)
    )


def tells_something(heard: Heard) -> bool:
    """Whether a turn may hold facts at all: what cannot is not shown to a model."""
    return _reason_against_turn(heard) is None


def _reason_against_turn(heard: Heard) -> str | None:
    if heard.role != "user":
        return "speaker"
    if is_small_talk(heard.text):
        return "greeting"
    if not own_sentences(heard.text):
        return "question" if heard.text.rstrip().endswith("?") else "handed over"
    return None


def _reason_against_path(claim: Claim) -> str | None:
    way = [step.casefold() for step in steps(claim.path)]
    if not way or len(way) > _DEEPEST_PATH:
        return "path"
    if _ASSISTANT & {part for step in way for part in re.split(r"[_\s-]", step)}:
        return "assistant"
    if _PASSING & set(way):
        return "passing"
    return "secret" if any(map(_SECRET_PATH.search, way)) else None


def _reason_against_value(claim: Claim) -> str | None:
    value = claim.value
    if isinstance(value, dict):
        return "value"
    if isinstance(value, list):
        if (
            not value
            or len(value) > _LONGEST_LIST
            or any(isinstance(e, dict | list) for e in value)
        ):
            return "value"
        reasons = (_reason_against_scalar(each) for each in value)
        return next((reason for reason in reasons if reason), None)
    return _reason_against_scalar(value)


def _reason_against_scalar(value: JsonValue) -> str | None:
    if value is None:
        return "empty"
    if not isinstance(value, str):
        return None
    plain = value.strip()
    if plain.casefold() in _NOTHING or not any(map(str.isalnum, plain)):
        return "empty"
    if len(plain) > _LONGEST_VALUE:
        return "value"
    if plain.endswith("?"):
        return "question"
    return "secret" if _SECRET_VALUE.search(plain) else None


def _reason_against_quote(claim: Claim, heard: Heard) -> str | None:
    """Whether the turn says it: in its own words, plainly, of the speaker."""
    sentence = _sentence_of(claim, heard)
    if sentence is None:
        return "invented"
    if not claim.understood:
        if not claim.over and not is_plain(sentence):
            return "supposed"
        if not _of_speaker(sentence) or _of_another(claim, sentence):
            return "others"
        if not _is_relevant(claim, sentence):
            return "invented"
    return "restated" if heard.given and heard.given.repeated_in(sentence) else None


def _sentence_of(claim: Claim, heard: Heard) -> str | None:
    """The sentence of the turn, said as its speaker's own, that is quoted and bears the value."""
    wanted = f" {' '.join(tokens(claim.quote))} "
    sentences = {sentence: " ".join(tokens(sentence)) for sentence in own_sentences(heard.text)}
    if not wanted.strip() or wanted not in f" {' '.join(sentences.values())} ":
        return None
    quoted = (
        sentence
        for sentence, plain in sentences.items()
        if wanted in f" {plain} " or f" {plain} " in wanted
    )
    return next((sentence for sentence in quoted if _supports(claim, sentence)), None)


def _of_speaker(sentence: str) -> bool:
    """Whether it has a word for its speaker, in a language that does not do without."""
    said = list(tokens(sentence))
    language = spoken(said).get("LATIN")
    if language is None or language.code not in _NAMES_ITSELF:
        return True
    return not (language.me | _WE).isdisjoint(said)


def _is_relevant(claim: Claim, sentence: str) -> bool:
    """Whether an English sentence has a word for what the path says of its speaker."""
    said = list(tokens(sentence))
    language = spoken(said).get("LATIN")
    first = steps(claim.path)[0]
    evidence = _EVIDENCE.get(first)
    if language is None or language.code != "en" or evidence is None:
        return True
    if first == "name" and re.search(
        rf"\b(?:i['’]m|i am|this is) {re.escape(str(claim.value))}", sentence, re.IGNORECASE
    ):
        return True
    return not {word for token in said for word in words(token)}.isdisjoint(evidence)


def _of_another(claim: Claim, sentence: str) -> bool:
    """Whether an English sentence tells of somebody of the speaker's what is claimed of them."""
    way = steps(claim.path)
    if _THIRD_PERSON.search(sentence) and way[0] in _OWN:
        return True
    if _SUBJECT.search(sentence):
        return False
    named = set(words(" ".join(way).replace("_", " ")))
    told = {word for match in _MINE.finditer(sentence) for word in words(match.group(1))}
    return bool(told) and told.isdisjoint(named | _SELF)


def _supports(claim: Claim, sentence: str) -> bool:
    """Whether the words of the value stand in the sentence; for a yes or no, those of the path."""
    said = set(words(sentence)) | set(tokens(sentence))
    values = claim.value if isinstance(claim.value, list) else [claim.value]
    for value in values:
        if isinstance(value, bool):
            last = steps(claim.path)[-1].replace("_", " ")
            named = words(last) or list(tokens(last))
        else:
            named = words(str(value)) or list(tokens(str(value)))
        if not named or not set(named) <= said:
            return False
    return True
