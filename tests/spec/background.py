"""An invented town for pairs to stand out from: the same every time, and nobody real.

A match weight means little without a population: how rare a name is and how many matches
there are to be found both come from it. ``town`` gives 150 children, each held once by a
school and once by a clinic, whose names, homes and birthdays are spread so that no two of
them are alike.
"""

from functools import cache

import pandas as pd

from matcher.frames import join_records, records_from


def _words(text: str) -> list[str]:
    return text.split()


FORENAMES = _words("""
    Ada Bruno Celia Dexter Edith Felix Greta Hugo Iris Jonah Keira Leon Mabel Nico Orla
    Piotr Quinn Rosa Sami Tessa Umar Vera Wanda Xavi Yasmin Zofia Amina Bilal Chloe
    Dawud
""")
SURNAMES = _words("""
    Ashworth Butterworth Cheetham Dyson Entwistle Fielding Greenhalgh Hussain Iqbal
    Jagger Khan Lomax Miah Nowak Ogden Pilling Quarmby Rahman Schofield Taylor Uddin
    Varley Whitehead Yates Zaman Kowalski Begley Crompton Buckley Ahmed
""")
STREETS = _words("""
    Abbey Birch Cedar Dale Elm Fern Grange Hazel Ivy Juniper
""")
CHILDREN = 150


def _child(number: int) -> dict[str, str]:
    return {
        "forename": FORENAMES[number % 30],
        "surname": SURNAMES[(number * 7 + number // 30) % 30],
        "date_of_birth": f"20{10 + number % 7}-{2 + number % 11:02d}-{16 + number % 12:02d}",
        "sex": "FM"[number % 2],
        "address": f"{20 + number} {STREETS[number % 10]} Road",
        "postcode": f"OL{1 + number % 9} {1 + number % 8}A{'LNPQRSTUWXYZ'[number % 12]}",
    }


@cache
def town() -> pd.DataFrame:
    """RECORDS of the invented town: sources ``school`` and ``clinic``."""
    children = [_child(number) for number in range(CHILDREN)]
    return records_from(
        {**child, "source": source, "record_id": f"background-{number}"}
        for source in ("school", "clinic")
        for number, child in enumerate(children)
    )


def within_town(records: pd.DataFrame) -> pd.DataFrame:
    """The records, and the town around them."""
    return join_records([records, town()])
