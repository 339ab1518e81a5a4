"""Names of places as far as plain statements need them: which are countries, and which may be
written in small letters. Called by `statements`.
"""

from __future__ import annotations

from functools import cache
from typing import Final

_COUNTRIES: Final = """
afghanistan|albania|algeria|andorra|angola|argentina|armenia|australia|austria|azerbaijan|bahrain|
bangladesh|barbados|belarus|belgium|belize|benin|bhutan|bolivia|bosnia|botswana|brazil|brunei|
bulgaria|burkina faso|burundi|cambodia|cameroon|canada|cape verde|chile|china|colombia|costa rica|
croatia|cuba|cyprus|czechia|the czech republic|denmark|djibouti|dominica|the dominican republic|
ecuador|egypt|el salvador|england|eritrea|estonia|eswatini|ethiopia|fiji|finland|france|gabon|
germany|ghana|greece|grenada|guatemala|guinea|guyana|haiti|honduras|hungary|iceland|india|indonesia|
iran|iraq|ireland|israel|italy|ivory coast|jamaica|japan|kazakhstan|kenya|kosovo|kuwait|kyrgyzstan|
laos|latvia|lebanon|lesotho|liberia|libya|liechtenstein|lithuania|madagascar|malawi|malaysia|mali|
malta|mauritania|mauritius|mexico|moldova|mongolia|montenegro|morocco|mozambique|myanmar|namibia|
nepal|the netherlands|netherlands|new zealand|nicaragua|niger|nigeria|north macedonia|
northern ireland|norway|oman|pakistan|palestine|papua new guinea|paraguay|peru|the philippines|
philippines|poland|portugal|qatar|romania|russia|rwanda|samoa|saudi arabia|scotland|senegal|serbia|
sierra leone|slovakia|slovenia|somalia|south africa|south korea|spain|sri lanka|sudan|suriname|
sweden|switzerland|syria|taiwan|tajikistan|tanzania|thailand|togo|tonga|tunisia|turkey|turkmenistan|
uganda|ukraine|the united arab emirates|the uae|the united kingdom|the uk|uk|the united states|
the us|the usa|usa|uruguay|uzbekistan|venezuela|vietnam|wales|yemen|zambia|zimbabwe
"""
_REGIONS: Final = """
alabama|alaska|alberta|andalusia|arizona|arkansas|bavaria|british columbia|brittany|california|
catalonia|colorado|connecticut|cornwall|delaware|florida|hawaii|idaho|illinois|indiana|iowa|kansas|
kentucky|louisiana|maine|manitoba|maryland|massachusetts|michigan|minnesota|mississippi|missouri|
montana|nebraska|nevada|new hampshire|new jersey|new mexico|new south wales|north carolina|
north dakota|nova scotia|ohio|oklahoma|ontario|oregon|pennsylvania|provence|queensland|
rhode island|saskatchewan|saxony|sicily|south carolina|south dakota|tasmania|tennessee|texas|
tuscany|utah|vermont|virginia|west virginia|wisconsin|wyoming|yorkshire
"""
_CITIES: Final = """
abu dhabi|accra|addis ababa|amsterdam|ankara|antwerp|athens|atlanta|auckland|austin|bangalore|
bangkok|barcelona|beijing|belgrade|berlin|birmingham|bogota|bologna|bordeaux|boston|brisbane|
bristol|brussels|bucharest|budapest|buenos aires|cairo|cape town|caracas|casablanca|chennai|
chicago|cologne|copenhagen|dakar|dallas|delhi|denver|detroit|dhaka|dresden|dubai|dublin|edinburgh|
florence|frankfurt|geneva|genoa|ghent|glasgow|gothenburg|graz|hamburg|hanoi|helsinki|hong kong|
houston|istanbul|jakarta|johannesburg|karachi|krakow|kyiv|kyoto|lagos|lausanne|leeds|leipzig|lima|
lisbon|liverpool|ljubljana|london|los angeles|lyon|madrid|malaga|manchester|manila|marseille|
melbourne|mexico city|miami|milan|minneapolis|montreal|moscow|mumbai|munich|nairobi|naples|
new delhi|new york|new york city|nice|nuremberg|osaka|oslo|ottawa|palermo|paris|perth|
philadelphia|phoenix|pittsburgh|portland|porto|prague|quito|reykjavik|riga|rio de janeiro|rome|
rotterdam|salzburg|san diego|san francisco|san jose|santiago|sao paulo|sarajevo|seattle|seoul|
seville|shanghai|singapore|sofia|stockholm|strasbourg|stuttgart|sydney|taipei|tallinn|tbilisi|
tehran|tel aviv|the hague|tokyo|toronto|toulouse|turin|utrecht|valencia|vancouver|venice|vienna|
vilnius|warsaw|washington|wellington|wroclaw|yerevan|zagreb|zurich
"""
_NO_PLACES: Final = """
a|an|the|my|our|your|his|her|their|this|that|these|there|here|fear|hope|denial|peace|harmony|
poverty|luxury|sin|god|christ|jesus|heaven|hell|europe|asia|africa|america|minecraft|roblox|vr|it|
monday|tuesday|wednesday|thursday|friday|saturday|sunday|january|february|march|april|may|june|
july|august|september|october|november|december|building|sales|marketing|management|
gmail|outlook|linux|windows|mac|macos|android|ios|chrome|firefox|slack|teams|notion|jira|github|gitlab|
aws|azure|kubernetes|docker|postgres|postgresql|mysql|vim|emacs|vscode|typescript|rust|go|react|vue|
spotify|netflix|whatsapp|telegram|signal|discord|steam|debian|ubuntu|fedora|teams|zoom|python|java|javascript|excel|word|english|german
"""


def kind_of_place(name: str) -> str | None:
    """`city`, `region` or `country`; None for what is no place to live in."""
    folded = name.casefold()
    if folded in _set(_NO_PLACES) or folded.split()[0] in {"a", "an", "my", "our", "this"}:
        return None
    if folded in _set(_COUNTRIES):
        return "country"
    return "region" if folded in _set(_REGIONS) else "city"


def known_place(words: str) -> str | None:
    """The name in capitals of the place that `words`, in small letters, begin with."""
    parts = words.split()
    for length in (4, 3, 2, 1):
        name = " ".join(parts[:length]).strip(".,;!").casefold()
        if len(parts) >= length and _is_known(name):
            return " ".join(part if part in _SMALL else part.capitalize() for part in name.split())
    return None


_SMALL: Final = frozenset({"de", "da", "do", "of", "the"})


def _is_known(name: str) -> bool:
    return any(name in _set(names) for names in (_CITIES, _COUNTRIES, _REGIONS))


@cache
def _set(names: str) -> frozenset[str]:
    return frozenset(name for name in names.replace("\n", "").split("|") if name)
