"""What a FHIR Patient says of a person, and which of its parts are not looked at.

The parts are named by their place, never by what they say.
"""

import re
from collections.abc import Callable, Sequence
from datetime import date
from typing import Any, NamedTuple

from pydantic import TypeAdapter, ValidationError

from api.rest.bodies import Day
from api.rest.errors import plainly
from api.rest.record_schemas import Identifier, Value
from api.services.register.weighing import Person

NHS_NUMBER = "https://fhir.nhs.uk/Id/nhs-number"
# Nobody has registered a system for it, so it is named here.
UPN = "urn:child-register:upn"

_COLUMNS = {NHS_NUMBER: "nhs_number", UPN: "upn"}
_SEX = {"female": "F", "male": "M"}
_GENDERS = ("male", "female", "other", "unknown")
_OLD = "old"
_FORMER = (_OLD, "maiden")
_NICKNAME = "nickname"
# Which of several is looked at, by its use: the least. Of another use, or of none, is in between.
_RANKS = {"official": 0, "usual": 1, "temp": 3, "anonymous": 4}
_BETWEEN = 2
# Elements of which nothing is compared, and how they are called.
_NOT_COMPARED = {
    "contained": "contained",
    "active": "active",
    "telecom": "telecom",
    "deceasedBoolean": "deceased",
    "deceasedDateTime": "deceased",
    "maritalStatus": "maritalStatus",
    "multipleBirthBoolean": "multipleBirth",
    "multipleBirthInteger": "multipleBirth",
    "photo": "photo",
    "contact": "contact",
    "communication": "communication",
    "generalPractitioner": "generalPractitioner",
    "managingOrganization": "managingOrganization",
    "link": "link",
    "extension": "extension",
}

# Parts of names of these uses that are passed over beside the one that is looked at.
_PASSED_OVER = {**dict.fromkeys(_FORMER, ("given",)), _NICKNAME: ("family",)}

_VALUE: TypeAdapter[str] = TypeAdapter(Value)
_IDENTIFIER: TypeAdapter[str] = TypeAdapter(Identifier)
_DAY: TypeAdapter[date] = TypeAdapter(Day)


class ResourceError(ValueError):
    """A resource is not what the operation takes. ``place`` is in it; no value is repeated."""

    def __init__(self, message: str, place: str = "") -> None:
        self.place = place
        super().__init__(message)


class Part(NamedTuple):
    """One name, identifier or address: where it is, its use, and what it says by column.

    ``unread`` says that something of it is not looked at that may say more.
    """

    place: str
    use: str | None
    says: Person
    unread: bool = False


def read_patient(patient: Any, day: date) -> tuple[Person, tuple[str, ...]]:
    """Columns of RECORDS as text, and remarks on what was not looked at. Raises ResourceError.

    Dates without a day say nothing here. ``day`` is today.
    """
    if patient.gender is not None and patient.gender not in _GENDERS:
        raise ResourceError(f"gender is one of {', '.join(_GENDERS)}", "Patient.gender")
    found: dict[str, str | None] = {"sex": _SEX.get(patient.gender)}
    remarks = []
    born = patient.birthDate
    if isinstance(born, date) or (isinstance(born, str) and len(born) == 10):
        found["date_of_birth"] = str(_taken(_DAY, str(born)[:10], "birthDate"))
    elif born is not None:
        remarks.append("birthDate has no day, and was not looked at")
    names = [_name(number, one) for number, one in enumerate(patient.name or [])]
    numbers = _numbers(patient)
    homes = [_home(number, one) for number, one in enumerate(patient.address or [])]
    kinds = {
        "names": [one for one in names if one.use not in (*_FORMER, _NICKNAME)],
        "former names": [one for one in names if one.use in _FORMER],
        "nicknames": [one for one in names if one.use == _NICKNAME],
        "NHS numbers": [one for one in numbers if "nhs_number" in one.says and one.use != _OLD],
        "UPNs": [one for one in numbers if "upn" in one.says and one.use != _OLD],
        "addresses": [one for one in homes if one.use != _OLD],
    }
    looked_at = []
    for called, parts in kinds.items():
        saying = [one for one in parts if one.says]
        if saying:
            first = min(saying, key=_rank)
            found |= first.says
            looked_at.append(first)
            others = [one.place for one in saying if one.says != first.says]
            remarks += _remark(f"of several {called} one was looked at, and not", others)
    alone = [one.place for one in looked_at if "known_as" in one.says]
    if not (found.get("forename") or found.get("name")):
        remarks += _remark("without a given name beside it, and not looked at:", alone)
    texts = [f"{one.place}.text" for one in looked_at if one.unread]
    remarks += _remark("its parts were looked at, and not", texts)
    remarks += _unread(patient, names, numbers, homes)
    remarks += _remark("looked at as if its period had not ended:", _ended(patient, looked_at, day))
    return {name: value for name, value in found.items() if value}, tuple(remarks)


def _unread(
    patient: Any, names: Sequence[Part], numbers: Sequence[Part], homes: Sequence[Part]
) -> list[str]:
    """Remarks on what is never looked at, whatever else there is."""
    lacking = [one.place for one in names if one.unread and not one.says]
    unknown = [one.place for one in numbers if not one.says]
    old = [one.place for one in (*numbers, *homes) if one.use == _OLD and one.says]
    others = dict.fromkeys(name for one, name in _NOT_COMPARED.items() if _says(patient, one))
    titles = _said_of_names(patient, lambda _: ("prefix", "suffix"))
    of_use = _said_of_names(patient, lambda name: _PASSED_OVER.get(name.use, ()))
    return [
        *_remark("without the part that is compared, and not looked at:", lacking),
        *_remark("of no system that is compared, and not looked at:", unknown),
        *_remark("of use old, and not looked at:", old),
        *_remark("of a name of this use not looked at:", of_use),
        *_remark("nothing of this is compared, and it was not looked at:", [*others, *titles]),
    ]


def _said_of_names(patient: Any, parts: Callable[[Any], Sequence[str]]) -> list[str]:
    """Places of those of these parts that a name has beside the one that is looked at."""
    return [
        f"name[{number}].{part}"
        for number, one in enumerate(patient.name or [])
        for part in parts(one)
        if _says(one, part)
    ]


def _ended(patient: Any, parts: Sequence[Part], day: date) -> list[str]:
    """Places of those parts whose period ended before this day; of a former name it may."""
    looked_at = {one.place for one in parts if one.use not in _FORMER}
    places = []
    for element in ("name", "identifier", "address"):
        for number, one in enumerate(getattr(patient, element) or []):
            end = str(one.period.end or "")[:10] if one.period else ""
            place = f"{element}[{number}]"
            if end and end < day.isoformat()[: len(end)] and place in looked_at:
                places.append(place)
    return places


def _remark(said: str, places: Sequence[str]) -> list[str]:
    return [f"{said} {', '.join(places)}"] if places else []


def _says(patient: Any, element: str) -> bool:
    return getattr(patient, element) not in (None, [])


def _rank(part: Part) -> int:
    """The least is looked at; of several the first."""
    return _RANKS.get(part.use or "", _BETWEEN)


def _name(number: int, name: Any) -> Part:
    family = name.family and _taken(_VALUE, name.family, "name.family")
    given = [_taken(_VALUE, one, "name.given") for one in name.given or [] if one]
    text = name.text and _taken(_VALUE, name.text, "name.text")
    if name.use in _FORMER:
        says, lacks = {"former_surname": family}, not family
    elif name.use == _NICKNAME:
        says, lacks = {"known_as": " ".join(given) or text}, not (given or text)
    elif family or given:
        middle = " ".join(given[1:])
        says = {"surname": family, "forename": "".join(given[:1]), "middle_names": middle}
        lacks = not (family and given) or _says_more(name, text or "")
    else:
        says, lacks = {"name": text}, False
    more = text if any(says.values()) else family or given or text
    return Part(f"name[{number}]", name.use, _only(says), lacks and bool(more))


def _says_more(name: Any, text: str) -> bool:
    """Whether the text has a word that no part of the name has."""
    parts = [name.family, *(name.given or []), *(name.prefix or []), *(name.suffix or [])]
    known = _words(" ".join(part for part in parts if part))
    return not _words(text) <= known


def _words(text: str) -> set[str]:
    return set(re.findall(r"\w+", text.casefold()))


def _numbers(patient: Any) -> list[Part]:
    """Of those identifiers that have a value; of no system that is compared, they say nothing."""
    found = []
    for number, one in enumerate(patient.identifier or []):
        if one.value:
            column = _COLUMNS.get(str(one.system or ""))
            says = {}
            if column is not None:
                says[column] = _taken(_IDENTIFIER, one.value, "identifier.value")
            found.append(Part(f"identifier[{number}]", one.use, says))
    return found


def _home(number: int, home: Any) -> Part:
    parts = [*(home.line or []), home.city, home.district]
    written = ", ".join(part for part in parts if part)
    says = {
        "address": _taken(_VALUE, written or home.text or "", "address"),
        "postcode": _taken(_VALUE, home.postalCode or "", "address.postalCode"),
    }
    lacks = bool(written and home.text and not home.line)
    return Part(f"address[{number}]", home.use, _only(says), lacks)


def _only(says: dict[str, Any]) -> Person:
    return {name: value for name, value in says.items() if value}


def _taken(adapter: TypeAdapter[Any], value: Any, place: str) -> Any:
    try:
        return adapter.validate_python(value)
    except ValidationError as error:
        raise ResourceError(plainly(error.errors()[0]), place) from None
