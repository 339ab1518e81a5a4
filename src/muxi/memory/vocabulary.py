"""Closed classes of words by which plain statements are understood. Called by `statements`."""

from __future__ import annotations

from typing import Final

_NOT_NAMES: Final = """
a admin again ai an and anonymous anytime assistant at back bot but by crazy dr english for friday
german i if in it its later madam maybe me monday mr mrs ms my no none not null old on or please
saturday sir so sunday test the thursday today tomorrow tonight tuesday unknown user wednesday
what whatever when yes you your
"""
_SAID_OF_NAMES: Final = """
long short weird hard difficult unusual common irrelevant unimportant private secret spelled
written pronounced mine nice funny boring unique simple easy rare old-fashioned on my name longer
taken wrong correct right misspelled
"""
_ROLES: Final = """
accountant; actor; actress; analyst; architect; artist; astronomer; baker; barber; barista;
biologist; bookkeeper; bricklayer; bus driver; butcher; carpenter; cashier; chef; chemist; civil
engineer; civil servant; cleaner; consultant; cook; data analyst; data engineer; data scientist;
dentist; designer; developer; doctor; economist; editor; electrician; engineer; farmer;
firefighter; fisherman; florist; gardener; geologist; graphic designer; hairdresser; historian;
illustrator; interpreter; journalist; judge; lawyer; lecturer; librarian; machinist;
mathematician; mechanic; midwife; musician; nurse; optician; painter; paramedic; pharmacist;
philosopher; photographer; physicist; physiotherapist; pilot; plumber; police officer; product
manager; professor; programmer; project manager; psychologist; radiologist; realtor; receptionist;
researcher; sailor; scientist; social worker; software developer; software engineer; soldier;
statistician; student; surgeon; tailor; taxi driver; teacher; therapist; translator; truck driver;
vet; veterinarian; waiter; waitress; web developer; welder; writer
"""
_LANGUAGES: Final = """
arabic bengali bulgarian cantonese catalan chinese croatian czech danish dutch english estonian
farsi finnish french german greek hebrew hindi hungarian icelandic indonesian irish italian
japanese korean latvian lithuanian malay mandarin norwegian persian polish portuguese romanian
russian serbian slovak slovenian spanish swahili swedish tagalog tamil thai turkish ukrainian urdu
vietnamese welsh
"""
_DATE_WORDS: Final = """
in on of the since for last this ago about around early late a an one two three four five six
seven eight nine ten st nd rd th day days week weeks month months year years yesterday today
monday tuesday wednesday thursday friday saturday sunday january february march april may june
july august september october november december jan feb mar apr jun jul aug sep sept oct nov dec
"""

NOT_NAMES: Final = frozenset(_NOT_NAMES.split())
"""Words in small letters that stand where a name could, and are none."""
SAID_OF_NAMES: Final = frozenset(_SAID_OF_NAMES.split())
ROLES: Final = frozenset(name.strip() for name in _ROLES.split(";"))
"""What people are by trade."""
LANGUAGES: Final = frozenset(_LANGUAGES.split())
DATE_WORDS: Final = frozenset(_DATE_WORDS.split())
"""Words of a date; what is said with others beside them is not understood."""
