"""Writes what cities and countries are called in other languages, for the tool `clock`.

Run it by hand in muxi's own environment, which holds babel: `python scripts/make_foreign_places.py`
"""

from __future__ import annotations

import re
import sys
from collections import defaultdict
from pathlib import Path

import babel

from muxi.tools.builtin.places import folded

TABLE = Path(__file__).parents[1] / "src/muxi/tools/builtin/data/foreign_places.txt"
LANGUAGES = tuple(
    babel.Locale(code)
    for code in (
        *("de", "fr", "es", "it", "pt", "nl", "pl", "cs", "sv", "da", "nb", "fi", "tr"),
        *("ru", "uk", "el", "hu", "ro", "id", "vi", "ja", "ko", "zh", "ar", "hi", "he"),
    )
)
HEADER = f"""\
# Cities of time zones, and countries by ISO 3166, as {len(LANGUAGES)} languages call them. Made by
# scripts/make_foreign_places.py of Unicode CLDR {babel.core.get_cldr_version()} (Unicode-3.0).
"""


def main() -> None:
    """Write the table. A name that means two places means the first, in the order of languages."""
    english = babel.Locale("en")
    taken = {folded(str(name)) for name in english.territories.values()}
    names: dict[str, list[str]] = defaultdict(list)

    def add(place: str, name: str) -> None:
        if folded(name) not in taken and len(name) > 1:
            taken.add(folded(name))
            names[place].append(name)

    for language in LANGUAGES:
        for zone, words in sorted(language.time_zones.items()):
            own = zone.rpartition("/")[2].replace("_", " ")
            city = words.get("city", own)
            if "/" in zone and not zone.startswith("Etc/") and folded(city) != folded(own):
                add(zone, city)
        for code, name in sorted(language.territories.items()):
            if re.fullmatch("[A-Z]{2}", code) and code not in ("EU", "EZ", "UN", "ZZ", "XA", "XB"):
                add(code, name)
    lines = [f"{place}\t{';'.join(called)}\n" for place, called in sorted(names.items())]
    TABLE.write_text(HEADER + "".join(lines), encoding="utf-8")
    sys.stderr.write(f"{len(taken)} names in {TABLE.stat().st_size:,} bytes\n")


if __name__ == "__main__":
    main()
