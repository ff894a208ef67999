"""Dates, postcodes, addresses and identifiers, one distinct value at a time."""

import re
import unicodedata

from stdnum.gb import nhs, upn

from matcher.rules.values import ValueRules
from matcher.standardise.text import fold, words_of

# Area, district, sector and unit; the inward letters never include C I K M O V.
_POSTCODE = re.compile(r"([A-Z]{1,2}[0-9][A-Z0-9]?)([0-9][ABD-HJLNP-UW-Z]{2})", flags=re.ASCII)
_NUMERIC_POSTCODE = re.compile(r"([0-9]{4,6}|[0-9]{5}(?=[0-9]{4}$))(?:[0-9]{4})?", flags=re.ASCII)
_NUMBERED = re.compile(r"(?<!FLAT )\b([0-9]+[A-Z]?)\b((?: [A-Z]+){1,2})")
_WORD = re.compile(r"[A-Z0-9]+")
_UPN = re.compile(r"[A-HJ-NP-RT-Z][0-9]{11}[0-9A-HJ-NP-RT-Z]")
_UPN_LETTERS = "ABCDEFGHJKLMNPQRTUVWXYZ"


def is_placeholder_date(iso: str, rules: ValueRules) -> bool:
    """Whether a date (YYYY-MM-DD) is one that systems fill in when they do not know."""
    return int(iso[:4]) < rules.earliest_birth_year or iso[5:] in rules.placeholder_days


def swap_day_and_month(iso: str) -> str:
    """The date with day and month exchanged; empty where that is no other date.

    >>> swap_day_and_month("2014-05-03")
    '2014-03-05'
    """
    year, month, day = iso.split("-")
    return f"{year}-{day}-{month}" if int(day) <= 12 and day != month else ""


def standardise_postcode(text: str, rules: ValueRules) -> str:
    """A whole, well-formed postcode with one space; empty if it is none or a pseudo one.

    Codes of four to six digits, as other countries have, stay as they are, but for those that
    repeat one digit, which are filled in. Of nine digits the last four only name a block.
    """
    compact = re.sub(r"\W", "", fold(text))
    found = _POSTCODE.fullmatch(compact)
    if found is not None:
        return "" if found[1] in rules.pseudo_postcodes else f"{found[1]} {found[2]}"
    number = _NUMERIC_POSTCODE.fullmatch(compact)
    return number[1] if number and len(set(number[1])) > 1 else ""


def postcode_district(postcode: str) -> str:
    """The outward part of a standardised postcode; of a number, all but its last two digits."""
    return postcode.split()[0] if " " in postcode else postcode[:-2]


def standardise_address(text: str, rules: ValueRules) -> str:
    """House number and the first two words of the street, or the first three words.

    Systems cut addresses at different lengths and add towns or not: what is left here is
    what all of them hold. Street types are dropped for the same reason.
    """
    line = _abbreviated(text, rules)
    if line in rules.placeholder_addresses:
        return ""
    types = rules.street_types
    found = _NUMBERED.search(line)
    if found:
        street = [word for word in found[2].split() if word not in types]
        return " ".join([found[1], *street])
    return " ".join([word for word in line.split() if word not in types][:3])


def is_placeholder_address(text: str, rules: ValueRules) -> bool:
    """Whether an address is one that systems fill in when they do not know."""
    return _abbreviated(text, rules) in rules.placeholder_addresses


def names_a_place(text: str, rules: ValueRules) -> bool:
    """Whether an address says where it is, in any script.

    It has a word of three letters or more that is not only the type of a street, or a number
    and a word of two letters or more.
    """
    words = words_of(fold(text).replace("'", ""))
    letters = {word: sum(not char.isdigit() for char in word) for word in words}
    if any(word[0].isdigit() for word in words):
        return any(count >= (2 if count == len(word) else 3) for word, count in letters.items())
    types = rules.street_types
    return any(
        count >= 3 and rules.abbreviations.get(word, word) not in types
        for word, count in letters.items()
    )


def _abbreviated(text: str, rules: ValueRules) -> str:
    words = _WORD.findall(fold(text).replace("'", ""))
    return " ".join(map(rules.abbreviations.get, words, words))


def standardise_nhs_number(text: str) -> str:
    """Ten digits, or empty. The check digit is not looked at here."""
    plain = text.isascii() and text.isdigit()
    digits = text if plain else re.sub(r"[^0-9]", "", unicodedata.normalize("NFKC", text))
    return digits if len(digits) == 10 and len(set(digits)) > 1 else ""


def is_valid_nhs_number(digits: str) -> bool:
    """Whether the check digit fits."""
    return bool(nhs.checksum(digits) == 0)


def standardise_upn(text: str) -> str:
    """A well-formed UPN in upper case, or empty. The check letter is not looked at here."""
    if _UPN.fullmatch(text):
        return text
    compact = re.sub(r"\W", "", fold(text))
    return compact if _UPN.fullmatch(compact) else ""


def is_valid_upn(value: str) -> bool:
    """Whether the check letter fits, permanent or temporary.

    python-stdnum computes the letter from digits; the last letter of a temporary UPN
    takes its value from the same alphabet, and local authority codes are not judged here.
    """
    if value[1:].isdigit():
        return bool(upn.calc_check_digit(value[1:]) == value[0])
    serial = [_UPN_LETTERS.index(c) if c.isalpha() else int(c) for c in value[1:]]
    total = sum(weight * digit for weight, digit in enumerate(serial, start=2))
    return value[0] == _UPN_LETTERS[total % 23]
