"""Facts out of plain statements, without a model: "I live in Lisbon", "my name is Ana".

Called by `extraction`. English only, and modest on purpose: a sentence is understood as a whole or
not at all, for a fact that nobody told is worse than one that was not heard.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, time
from typing import Final

from pydantic import JsonValue

from muxi.core.paths import dotted
from muxi.memory.claims import Claim, Heard
from muxi.memory.places import kind_of_place, known_place
from muxi.memory.sentences import is_plain, own_sentences
from muxi.memory.vocabulary import DATE_WORDS, LANGUAGES, NOT_NAMES, ROLES, SAID_OF_NAMES
from muxi.retrieval.dates import read_dates
from muxi.retrieval.languages import fold

_LEAD: Final = (
    r"(?i:(?:hi|hello|hey|hiya|good (?:morning|evening|afternoon)|well|so|oh|ah|ok|okay|yes|yeah|"
    r"no|sure|thanks|thank you|actually|also|and|but|anyway|btw|by the way|fyi|for the record|"
    r"just so you know|please (?:remember|note)(?: that)?|remember(?: that)?|note that|"
    r"correction|update|news|good news|big news|sorry|there|"
    r"i(?:['’]ve| have)? (?:just |recently )?(?:moved|changed jobs))[,!:.\s—-]+)*"
)
_CAPITAL: Final = r"[A-Z\u00C0-\u00DE\u0386-\u03AB\u0410-\u042F]"
_NAME_WORD: Final = rf"(?:(?:St|Mt|Ft|Dr)\. )?{_CAPITAL}[\w'’-]*"
_NAME: Final = rf"{_NAME_WORD}(?:\s+{_NAME_WORD}){{0,3}}"
_PLACE: Final = (
    rf"(?:[Tt]he\s+)?{_CAPITAL}[\w'’.-]*(?:\s+(?:de|da|do|del|la|le|of|upon|am|an\s+der)"
    rf"(?=\s+{_CAPITAL})|\s+{_CAPITAL}[\w'’.-]*){{0,4}}"
)
_NOW: Final = r"(?:\s+(?:now|right now|currently|these days|at the moment|at present|today))?"

_Made = Iterator[tuple[str, JsonValue]]
_Maker = Callable[[re.Match[str]], _Made]

_ONE: Final = "wife|husband|partner|girlfriend|boyfriend|fiancée?|mother|mom|mum|father|dad|boss"
_SOME: Final = "son|daughter|brother|sister|dog|cat|puppy|kitten|horse|parrot|rabbit"
_LOCATION: Final = ("location.city", "location.region", "location.country")


def plain_statements(heard: Heard) -> list[Claim]:
    """What a turn plainly states of its speaker."""
    found: list[Claim] = []
    for sentence in own_sentences(heard.text):
        found += _claims(sentence, heard.said_at)
    return found


def _claims(sentence: str, said_at: datetime) -> Iterator[Claim]:
    """The claims of one sentence: of all of it, or of the two statements that it joins."""
    clauses = _clauses(sentence)
    if over := _ended(clauses[0]):
        yield over
        del clauses[0]
    if not is_plain(", ".join(clauses)):
        return
    for clause in clauses:
        for pattern, make in _PATTERNS:
            match = pattern.fullmatch(clause)
            if match is None:
                continue
            since = _since(match, said_at)
            if since is _UNCLEAR:
                break
            for path, value in make(match):
                yield Claim(
                    path=path,
                    value=value,
                    quote=clause,
                    since=since,
                    understood=True,
                    siblings=_siblings(path),
                    moved=make is _moved,
                )
            break


def _clauses(sentence: str) -> list[str]:
    """Statements that "and" or a comma joins, each of which begins with its own "I" or "my"."""
    plain = _TAIL.sub("", sentence.rstrip(" .!…)").strip())
    return re.split(r"(?:\s*[,;]\s*(?:and\s+)?|\s+and\s+)(?=(?:I|i|[Mm]y)\b)", plain)


_TAIL: Final = re.compile(
    r",? (?:by the way|btw|nice to meet you|as well|too|for work|if that helps|please|thanks|"
    r"thank you|fyi)$",
    re.IGNORECASE,
)


def _siblings(path: str) -> tuple[str, ...]:
    return tuple(other for other in _LOCATION if other != path) if path in _LOCATION else ()


_UNCLEAR: Final = datetime.min.replace(tzinfo=UTC)
"""In place of an instant: something was said of the time that is not understood."""


def _since(match: re.Match[str], said_at: datetime) -> datetime | None:
    text = fold((match.groupdict().get("when") or "").strip(" ,"))
    if not text:
        return None
    # "For three years" began three years ago.
    text = re.sub(r"^for (.*)$", r"\1 ago", text)
    dates = read_dates(text, (), said_at)
    if len(dates.when) != 1 or not set(re.findall(r"[^\W\d]+", text)) <= DATE_WORDS:
        return _UNCLEAR
    when = dates.when[0]
    if when.month is not None:
        year = said_at.year - (when.month > said_at.month)
        return datetime(year, when.month, 1, tzinfo=UTC)
    assert when.first is not None
    assert when.last is not None
    day = when.first + (when.last - when.first) / 2 if text.endswith("ago") else when.first
    since = datetime.combine(day, time(), UTC)
    return since if since <= said_at else _UNCLEAR


def _ended(sentence: str) -> Claim | None:
    match = _NO_LONGER.fullmatch(sentence.rstrip(" .!").strip())
    if match is None:
        return None
    verb, name = match.group("verb").casefold(), match.group("name")
    if verb == "live in":
        kind = kind_of_place(name)
        if kind is None:
            return None
        return Claim(path=f"location.{kind}", value=_bare(name), quote=sentence, over=True)
    return Claim(path="work.employer", value=name, quote=sentence, over=True)


def _places(text: str) -> _Made:
    """A city, a region or a country, and what it lies in behind a comma."""
    first, _, second = (part.strip(" .") for part in text.partition(","))
    kind = kind_of_place(first)
    if kind is None:
        return
    whole = kind_of_place(second) if second else None
    if second and (kind != "city" or whole is None):
        return
    yield f"location.{kind}", _bare(first)
    if second:
        yield f"location.{'region' if whole == 'city' else whole}", _bare(second)


def _bare(place: str) -> str:
    """Without its article, save for The Hague."""
    return re.sub(r"^[Tt]he (?!Hague)", "", place)


def _home(match: re.Match[str]) -> _Made:
    yield from _places(match.group("place"))


def _moved(match: re.Match[str]) -> _Made:
    yield from _home(match)


def _small_home(match: re.Match[str]) -> _Made:
    """A well-known place in small letters."""
    name = known_place(match.group("place"))
    if name is not None and name.casefold() == match.group("place").casefold():
        yield from _places(name)


def _origin(match: re.Match[str]) -> _Made:
    if kind_of_place(match.group("place")):
        yield "origin", match.group("place")


def _birthplace(match: re.Match[str]) -> _Made:
    if kind_of_place(match.group("place")):
        yield "born.place", match.group("place")


def _named(path: str) -> _Maker:
    def make(match: re.Match[str]) -> _Made:
        name = match.group("name")
        if not {word.casefold() for word in name.split()} & NOT_NAMES:
            yield path, name

    return make


def _small_name(match: re.Match[str]) -> _Made:
    """A name in small letters, unless it is a word that says something of names."""
    name = match.group("name")
    if name not in NOT_NAMES | SAID_OF_NAMES:
        yield "name", name.capitalize()


def _relative(match: re.Match[str]) -> _Made:
    kind, name = match.group("kind").casefold(), match.group("name")
    if {word.casefold() for word in name.split()} & NOT_NAMES:
        return
    if re.fullmatch(_SOME, kind):
        # There may be several of them.
        yield dotted([kind, name]), True
    else:
        yield f"{kind}.name", name


def _role(match: re.Match[str]) -> _Made:
    role = match.group("role").casefold()
    if role in ROLES:
        yield "work.role", role
    if match.groupdict().get("name"):
        yield "work.employer", match.group("name")


def _employer(match: re.Match[str]) -> _Made:
    name = match.group("name")
    if name.casefold() not in NOT_NAMES | {"home", "night", "nights"}:
        yield "work.employer", name


_NO_FAVOURITE: Final = frozenset(
    ["when", "that", "this", "it", "to", "what", "how", "in", "one", "you", "your", "i", "my"]
)


def _favourite(match: re.Match[str]) -> _Made:
    noun, value = match.group("noun").casefold(), match.group("value").strip(" .!")
    if noun.split()[0] in {"part", "thing", "one", "bit", "kind", "way", "of"} or " of" in noun:
        return
    if not _NO_FAVOURITE.isdisjoint(value.casefold().split()):
        return
    yield dotted(["favourite", noun]), value


def _allergies(match: re.Match[str]) -> _Made:
    for item in re.split(r",\s*(?:and\s+)?|\s+and\s+", match.group("items")):
        if item and len(item.split()) <= 3 and item.split()[0] not in {"this", "that", "it"}:
            yield dotted(["allergy", item.casefold()]), True


def _languages(match: re.Match[str]) -> _Made:
    spoken = [name.casefold() for name in re.split(r",\s*(?:and\s+)?|\s+and\s+", match["items"])]
    if all(name in LANGUAGES for name in spoken):
        for name in spoken:
            yield dotted(["language", name]), True


def _diet(match: re.Match[str]) -> _Made:
    yield "diet", match.group("diet").casefold()


def _age(match: re.Match[str]) -> _Made:
    yield "age", int(match.group("age"))


def _birthday(match: re.Match[str]) -> _Made:
    dates = read_dates(fold(match.group("day")), (), None)
    years = re.findall(r"(?:19|20)\d\d", match.group("day"))
    day = re.search(r"(?<!\d)(\d{1,2})(?!\d)", match.group("day"))
    if len(dates.months) == 1 and day and 1 <= int(day.group(1)) <= 31:
        text = f"{next(iter(dates.months)):02}-{int(day.group(1)):02}"
        yield "birthday", f"{years[0]}-{text}" if years else text


def _email(match: re.Match[str]) -> _Made:
    yield "email", match.group("email")


def _pattern(text: str) -> re.Pattern[str]:
    return re.compile(_LEAD + text)


_WHEN: Final = (
    r"(?P<when>,?\s+(?:in|on|since|for|last|this|yesterday|today|(?:about\s+|around\s+)?"
    r"(?:\d+|an?|one|two|three|four|five|six|seven|eight|nine|ten)\s+(?:day|week|month|year)s?\s+"
    r"ago)\b[\w ,]*?)?"
)
_I_AM: Final = r"(?:[Ii]['’]m|[Ii] am)"
_WITH: Final = r"(?:,?\s+with\s+my\s+[\w' ’-]+)?"
_SMALL_PLACE: Final = r"(?:[a-z]+(?:\s[a-z]+){0,3})"
_ANY_PLACE: Final = rf"(?P<place>{_PLACE}(?:,\s*{_PLACE})?)"

_NO_LONGER: Final = _pattern(
    rf"[Ii] (?:no longer|don['’]t|do not) (?P<verb>live in|work (?:at|for)) (?P<name>{_PLACE})"
    r"(?:\s+any\s?more)?"
)
_PATTERNS: Final[tuple[tuple[re.Pattern[str], _Maker], ...]] = (
    (
        _pattern(rf"(?:[Mm]y )?(?:full |first |real )?[Nn]ame(?: is|['’]s) (?P<name>{_NAME})"),
        _named("name"),
    ),
    (_pattern(r"[Mm]y name(?: is|['’]s) (?P<name>[^\W\d_]{2,20})"), _small_name),
    (_pattern(rf"(?:{_I_AM}|I go by) (?:called|named) (?P<name>{_NAME})"), _named("name")),
    (
        _pattern(
            rf"(?:[Yy]ou can |[Pp]lease |[Jj]ust |[Ee]veryone |[Pp]eople |[Mm]y friends )*"
            rf"[Cc]alls? me (?P<name>{_NAME})"
        ),
        _named("nickname"),
    ),
    (
        _pattern(
            rf"(?:(?:[Ii]|[Ww]e) (?:currently |now )?(?:live|reside) in"
            rf"|{_I_AM} (?:currently |now )?(?:living|based) in"
            rf"|[Ii]['’](?:ve)? (?:been )?(?:living|lived) in|[Ii] have (?:been )?(?:living|lived)"
            r" in|[Mm]y (?:new )?(?:home|address) is (?:now )?in)"
            rf" {_ANY_PLACE}{_NOW}{_WITH}{_WHEN}{_WITH}"
        ),
        _home,
    ),
    (
        _pattern(
            r"(?:(?:[Ww]e|[Ii])(?:['’]ve| have)? (?:just |recently |finally )?|[Jj]ust )"
            r"(?:moved|relocated)"
            rf"(?: (?:from {_PLACE} )?to| back to) {_ANY_PLACE}{_WITH}{_WHEN}{_WITH}"
        ),
        _moved,
    ),
    (_pattern(rf"[Ii] live in (?P<place>{_SMALL_PLACE}){_NOW}"), _small_home),
    (
        _pattern(rf"(?:{_I_AM} (?:originally )?from|[Ii] come from) (?P<place>{_PLACE})"),
        _origin,
    ),
    (_pattern(rf"[Ii] was born in (?P<place>{_PLACE})"), _birthplace),
    (
        _pattern(
            rf"[Mm]y (?P<kind>{_ONE}|{_SOME})(?:['’]s name is| is (?:called|named)) "
            rf"(?P<name>{_NAME})"
        ),
        _relative,
    ),
    (
        _pattern(rf"[Ii] have an? (?P<kind>{_SOME}) (?:called|named) (?P<name>{_NAME})"),
        _relative,
    ),
    (
        _pattern(rf"[Ii] (?:now |currently )?work (?:at|for) (?P<name>{_NAME}){_NOW}{_WHEN}"),
        _employer,
    ),
    (
        _pattern(
            rf"[Ii] work (?:at|for) (?P<name>{_NAME}) as an? (?P<role>[a-z]+(?: [a-z]+){{0,2}})"
        ),
        _role,
    ),
    (
        _pattern(
            rf"(?:[Ii] work|{_I_AM} working) as an? (?P<role>[a-z]+(?: [a-z]+){{0,2}}?)"
            rf"(?: (?:at|for) (?P<name>{_NAME}))?{_NOW}{_WHEN}"
        ),
        _role,
    ),
    (
        _pattern(
            rf"{_I_AM} (?:now )?an? (?P<role>[a-z]+(?: [a-z]+){{0,2}}?)"
            rf"(?: (?:at|for) (?P<name>{_NAME}))?{_NOW}"
        ),
        _role,
    ),
    (
        _pattern(
            r"[Mm]y favou?rite (?P<noun>[a-z]+(?: [a-z]+)?) is "
            r"(?P<value>\w[\w'’-]*(?: [\w'’-]+){0,4})"
        ),
        _favourite,
    ),
    (_pattern(rf"{_I_AM} (?:severely |very )?allergic to (?P<items>[\w ,'’-]+)"), _allergies),
    (_pattern(rf"{_I_AM} (?:an? )?(?P<diet>vegetarian|vegan|pescatarian)"), _diet),
    (_pattern(r"[Ii] speak (?P<items>[A-Za-z]+(?:(?:, | and |, and )[A-Za-z]+)*)"), _languages),
    (_pattern(rf"{_I_AM} (?P<age>\d{{1,3}}) years old"), _age),
    (_pattern(r"[Mm]y birthday is (?:on )?(?P<day>[\w ,]+)"), _birthday),
    (_pattern(r"[Mm]y e-?mail(?: address)? is (?P<email>[\w.+-]+@[\w-]+(?:\.[\w-]+)+)"), _email),
)
