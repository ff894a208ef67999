"""Activity follows its source: kept where it is the same, ended where it is gone."""

from datetime import timedelta
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from sqlalchemy import func, select

from api.db.models import Contact
from api.services.extracts import current_activity, current_records, read_as
from matcher.frames import ACTIVITY_COLUMNS
from tests.end_to_end.command import TOWN, TOWN_EXTRACTS
from tests.register_service.extracts import DAY, Loader, rules

Said = tuple[str, str, str]  # member, day in September, activity


def estart(loader: Loader, members: str, contacts: list[Said] | None) -> Path:
    """An eStart folder with these members (one letter each) and contacts."""
    folder = loader.folder / f"estart-{len(list(loader.folder.iterdir()))}"
    folder.mkdir()
    rows = [f"{member},Child,{member}my Lees,04/05/2019" for member in members]
    (folder / "members.csv").write_text("\n".join(["Member ID,Type,Name,DOB", *rows]) + "\n")
    if contacts is not None:
        rows = [f"{member},{day}/09/2024,Royton,{what},Y" for member, day, what in contacts]
        header = "Member ID,Date,Centre,Activity,Attended"
        (folder / "contacts.csv").write_text("\n".join([header, *rows]) + "\n")
    return folder


def load(
    loader: Loader, members: str, contacts: list[Said] | None, day: int = 0, **how: Any
) -> None:
    path = estart(loader, members, contacts)
    loader.load(path, source="estart", as_of=DAY + timedelta(day), **how)


def contacts(loader: Loader, **when: Any) -> list[Said]:
    frame = current_activity(loader.connection, **when)["contacts"]
    return sorted(
        zip(
            frame["record_id"],
            frame["date"].dt.strftime("%d"),
            frame["activity"].astype(object),
            strict=True,
        )
    )


PLAY, WALK = ("A", "01", "Play"), ("A", "02", "Walk")
SWIM = ("B", "03", "Swim")


def test_a_snapshot_says_all_activity_of_its_source(loader: Loader) -> None:
    load(loader, "AB", [PLAY, SWIM])
    load(loader, "AB", [WALK, SWIM], day=1)
    assert contacts(loader) == [WALK, SWIM]
    assert contacts(loader, as_of_run=loader.runs[0]) == [PLAY, SWIM]


def test_activity_that_is_the_same_is_not_written_again(loader: Loader) -> None:
    load(loader, "AB", [PLAY, SWIM])
    load(loader, "AB", [SWIM, PLAY, WALK], day=1)
    assert loader.connection.scalar(select(func.count()).select_from(Contact)) == 3


def test_what_is_said_twice_counts_twice(loader: Loader) -> None:
    load(loader, "A", [PLAY, PLAY])
    assert contacts(loader) == [PLAY, PLAY]
    load(loader, "A", [PLAY], day=1)
    assert contacts(loader) == [PLAY]
    load(loader, "A", [PLAY, PLAY, PLAY], day=2)
    assert contacts(loader) == [PLAY] * 3


def test_activity_of_a_record_that_is_gone_ends(loader: Loader) -> None:
    load(loader, "AB", [PLAY, SWIM])
    load(loader, "B", [SWIM], day=1)
    assert contacts(loader) == [SWIM]


def test_a_table_that_is_left_out_says_nothing(loader: Loader) -> None:
    load(loader, "AB", [PLAY, SWIM])
    load(loader, "A", None, day=1)
    assert contacts(loader) == [PLAY]


def test_a_delta_says_all_activity_of_the_records_that_it_lists(loader: Loader) -> None:
    load(loader, "AB", [PLAY, SWIM])
    load(loader, "A", [WALK], day=1, mode="delta")
    assert contacts(loader) == [WALK, SWIM]
    load(loader, "A", None, day=2, mode="delta")
    assert contacts(loader) == [WALK, SWIM]


def test_activity_comes_back_when_an_extract_is_taken_back(loader: Loader) -> None:
    load(loader, "AB", [PLAY, SWIM])
    load(loader, "B", [SWIM, SWIM], day=1)
    loader.take_back(loader.last_current())
    assert contacts(loader) == [PLAY, SWIM]


def test_activity_of_some_records_can_be_read_alone(loader: Loader) -> None:
    load(loader, "AB", [PLAY, SWIM])
    frame = current_records(loader.connection)
    ids = frame.loc[frame["record_id"] == "B", "id"].to_numpy()
    assert list(current_activity(loader.connection, ids)["contacts"]["record_id"]) == ["B"]


@pytest.mark.parametrize("source", sorted(TOWN_EXTRACTS))
def test_activity_read_back_is_that_of_the_extract(loader: Loader, source: str) -> None:
    path = TOWN / TOWN_EXTRACTS[source]
    loader.load(path, source=source)
    again = loader.load(path, source=source, as_of=DAY + timedelta(days=7))
    assert again.counts["unchanged"] == sum(again.counts.values())
    found, read = current_activity(loader.connection), read_as(source, path, rules()).activity
    for kind, columns in ACTIVITY_COLUMNS.items():
        assert list(found[kind].columns) == list(columns)
        if kind in read:
            pd.testing.assert_frame_equal(ordered(found[kind]), ordered(read[kind]))
            kinds = {name: str(read[kind][name].dtype) for name in columns}
            assert kinds == {name: str(found[kind][name].dtype) for name in columns}
        else:
            assert found[kind].empty


def ordered(frame: pd.DataFrame) -> pd.DataFrame:
    plain = frame.astype(object).where(frame.notna(), None)
    return plain.sort_values(list(frame.columns), key=lambda c: c.astype(str), ignore_index=True)
