"""What the systems' own formats add: joins, deletes, XML, activity, the invented town."""

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from small_extracts import ROOT, assert_counts_add_up, codes, notes, record, zipped

from api.services.demo import TOWN as PATHS
from matcher.frames import ACTIVITY_COLUMNS
from matcher.read import ReadResult, read_extract
from matcher.rules.sources import SourceDefinition

Read = Callable[..., ReadResult]
TOWN = ROOT / "fixtures" / "town"

PATIENTS = (
    "RowIdentifier,FirstName,Surname,DateBirth,TestPatient,RemovedData\n"
    "1,Aisha,Khan,29 Sep 2011 14:53:28,FALSE,FALSE\n"
    "2,Zoë,Khan,30 Sep 2011 00:00:00,FALSE,FALSE\n"
    "3,Test,Patient,30 Sep 2011 00:00:00,TRUE,FALSE\n"
    "2,,,,,TRUE\n"
)


def test_systmone_drops_what_is_a_test_or_removed_with_its_rows(read: Read) -> None:
    visits = "IDPatient,DateEvent,VisitType\n1,01 Jan 2012,New Birth Visit\n3,01 Jan 2012,X\n1,,X\n"
    content = zipped({"SRPatient.csv": PATIENTS.encode("cp1252"), "SRHealthVisit.csv": visits})
    result = read(content, "systmone", "s.zip")
    assert list(result.records["record_id"]) == ["1"]
    assert codes(result) == [
        (3, "record_id", "unknown_record"),
        (4, "date", "missing_date"),
        (3, "removed", "removed"),
        (4, "test_patient", "test_patient"),
        (5, "removed", "removed"),
    ]
    assert notes(result)["addresses", "table_absent"] == 1
    assert len(result.activity["visits"]) == 1


@pytest.mark.parametrize(
    ("rows", "postcode"),
    [
        ("1,A1 1AA,01 Jan 2012,\n1,B1 1BB,01 Jan 2013,01 Jan 2014\n", "A1 1AA"),
        ("1,A1 1AA,01 Jan 2012,\n1,B1 1BB,01 Jan 2013,\n", "B1 1BB"),
        ("1,A1 1AA,01 Jan 2013,\n1,B1 1BB,01 Jan 2013,\n", "A1 1AA"),
        ("1,B1 1BB,01 Jan 2013,\n1,A1 1AA,01 Jan 2013,\n", "A1 1AA"),
        ("1,A1 1AA,01 Jan 2012,01 Jan 2014\n1,B1 1BB,01 Jan 2011,01 Jan 2015\n", "A1 1AA"),
        ("1,A1 1AA,01 Jan 2012,\n1,B1 1BB,31 Feb 2013,\n", "A1 1AA"),
        ("7,A1 1AA,01 Jan 2012,\n", None),
    ],
)
def test_the_current_address_is_the_open_then_the_latest(
    read: Read, rows: str, postcode: str | None
) -> None:
    addresses = "IDPatient,FullPostCode,DateEvent,DateTo\n" + rows
    content = zipped({"SRPatient.csv": PATIENTS, "SRPatientAddressHistory.csv": addresses})
    assert record(read(content, "systmone", "s.zip"))["postcode"] == postcode


CTF = """<?xml version="1.0" encoding="{encoding}"?>
<CTfile{namespace}><Header><DateTime>2025-01-16T09:00:00</DateTime></Header><CTFpupilData>
<Pupil>
  <FSMhistory>
    <FSMinstance><FSMstartDate>2017-09-04</FSMstartDate><FSMendDate>2018-09-04</FSMendDate></FSMinstance>
    <FSMinstance><FSMstartDate>2019-09-04</FSMstartDate></FSMinstance>
  </FSMhistory>
  <UPN>E353200116007</UPN><Surname>Núñez &amp; Co</Surname><Forename>Ana</Forename>
  <DOB>2013-05-04</DOB><Gender>F</Gender>
  <Address><BS7666Address><PAON>1</PAON></BS7666Address></Address>
  <Address><BS7666Address><PAON>2</PAON></BS7666Address></Address>
</Pupil>
<Pupil/>
<Pupil><UPN></UPN><Surname>Nobody</Surname></Pupil>
</CTFpupilData></CTfile>"""


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16", "windows-1252"])
@pytest.mark.parametrize("namespace", ["", ' xmlns="urn:some"'])
def test_ctf_pupils_and_their_nested_rows(read: Read, encoding: str, namespace: str) -> None:
    content = CTF.format(encoding=encoding, namespace=namespace).encode(encoding)
    result = read(content, "ctf", "ctf.xml")
    found = record(result)
    assert found["surname"] == "Núñez & Co"
    assert found["address"] == "1"
    assert found["as_of"] == pd.Timestamp("2025-01-16")
    assert codes(result) == [(row, "record_id", "missing_record_id") for row in (13, 14)]
    periods = result.activity["fsm_periods"]
    assert list(periods["start"].dt.year) == [2017, 2019]
    assert list(periods["end"].isna()) == [False, True]
    assert list(periods["record_id"]) == ["E353200116007"] * 2


def test_an_empty_transfer_file_has_no_rows(read: Read) -> None:
    result = read("<CTfile><CTFpupilData/></CTfile>", "ctf", "ctf.xml")
    assert [count.rows for count in result.files] == [0, 0]


def test_the_latest_of_several_transfer_files_counts(read: Read) -> None:
    pupil = "<Pupil><UPN>A</UPN><Forename>{}</Forename></Pupil>"
    file = (
        "<CTfile><Header><DateTime>{}</DateTime></Header><CTFpupilData>{}</CTFpupilData></CTfile>"
    )
    content = zipped(
        {
            "1.xml": file.format("2024-05-01", pupil.format("New")),
            "2.xml": file.format("2023-05-01", pupil.format("Old")),
        }
    )
    result = read(content, "ctf", "ctf.zip")
    assert list(result.records["forename"]) == ["New"]
    assert codes(result) == [(1, "record_id", "superseded")]


def test_a_caf_person_may_stand_on_each_episode(read: Read) -> None:
    result = read(
        "PERSON_ID,FORENAME,SURNAME,EPISODE_ID,EPISODE_START_DTTM,EPISODE_END_DTTM\n"
        "1,Mahir,Uddin,E2,2024-10-11 00:00:00,\n"
        "1,Mahir,Rahman,E1,2023-10-11 00:00:00,2024-01-01 00:00:00\n"
        "1,Mahir,Rahman,,,\n",
        "caf",
    )
    assert list(result.records["surname"]) == ["Uddin"]
    assert list(result.activity["caf_episodes"]["episode_id"]) == ["E2", "E1"]
    assert codes(result) == [(4, "record_id", "superseded")]


def test_episodes_of_one_day_make_the_same_record_in_any_order(read: Read) -> None:
    header = "PERSON_ID,FORENAME,SURNAME,EPISODE_ID,EPISODE_START_DTTM,LAST_UPDATED\n"
    rows = ["1,Mahir,Uddin,E2,2024-10-11,2025-01-01\n", "1,Mahir,Rahman,E1,2024-10-11,2025-02-01\n"]
    for lines in (rows, rows[::-1]):
        result = read(header + "".join(lines), "caf")
        assert list(result.records["surname"]) == ["Rahman"]
        assert set(result.activity["caf_episodes"]["episode_id"]) == {"E1", "E2"}


def test_every_kind_of_activity_has_its_frame_even_if_empty(
    definitions: dict[str, SourceDefinition], tmp_path: Path
) -> None:
    (tmp_path / "x.csv").write_text("Member ID,Name,DOB\n")
    result = read_extract("estart", tmp_path / "x.csv", definitions["estart"])
    assert result.files[0].rows == 0
    frame = result.activity["contacts"]
    assert tuple(frame.columns) == ACTIVITY_COLUMNS["contacts"]
    assert str(frame["date"].dtype) == "datetime64[ns]" and frame["attended"].dtype == bool


def test_the_order_of_months_in_a_file_does_not_matter_to_another(read: Read) -> None:
    members = "Member ID,Name,DOB,Type\n1,A,03/04/2020,Child\n"
    contacts = "Member ID,Date,Activity,Attended\n1,12/25/2023,Play,Y\n1,25/12/2023,Play,maybe\n"
    result = read(zipped({"members.csv": members, "contacts.csv": contacts}), "estart", "e.zip")
    assert record(result)["date_of_birth"] == pd.Timestamp("2020-04-03")
    assert list(result.activity["contacts"]["attended"]) == [True, False]
    assert notes(result)["attended", "not_recognised"] == 1


@pytest.mark.parametrize("source", PATHS)
def test_the_invented_town_is_read_to_the_last_record(
    source: str, definitions: dict[str, SourceDefinition]
) -> None:
    result = read_extract(source, TOWN / PATHS[source], definitions[source])
    assert_counts_add_up(result)
    truth = pd.read_csv(TOWN / "truth.csv", dtype=str, usecols=["source", "record_id", "role"])
    truth = truth[truth["source"] == source]
    assert set(result.records["record_id"]) == set(truth["record_id"])
    roles = result.records.set_index("record_id")["role"].astype(str)
    assert (roles.loc[truth["record_id"]].to_numpy() == truth["role"].to_numpy()).all()
    assert result.records["date_of_birth"].notna().mean() > 0.95
    for kind, frame in result.activity.items():
        assert tuple(frame.columns) == ACTIVITY_COLUMNS[kind]
        assert len(frame) > 0
        assert set(frame["record_id"]) <= set(result.records["record_id"])


def test_of_two_manifests_the_later_tells_the_date_of_the_extract(read: Read) -> None:
    dates = ["DateExtract\n16 Jan 2025\n", "DateExtract\n17 Feb 2024\n"]
    for first, second in (dates, dates[::-1]):
        content = zipped(
            {"SRPatient.csv": PATIENTS, "a/SRManifest.csv": first, "b/SRManifest.csv": second}
        )
        found = record(read(content, "systmone", "s.zip"))
        assert found["as_of"] == pd.Timestamp("2025-01-16")


def test_two_tables_of_persons_make_one_record_of_an_id(read: Read) -> None:
    persons = "PERSON_ID,FORENAME,SURNAME\n1,Mahir,Rahman\n"
    both = (
        "PERSON_ID,FORENAME,SURNAME,EPISODE_ID,EPISODE_START_DTTM\n"
        "1,Mahir,Uddin,E1,2023-10-11\n2,Zoe,Uddin,E2,2023-10-11\n"
    )
    result = read(zipped({"a.csv": persons, "b.csv": both}), "caf", "caf.zip")
    assert list(result.records["surname"]) == ["Rahman", "Uddin"]
    assert len(result.activity["caf_episodes"]) == 2


def test_what_lies_beside_transfer_files_is_passed_over(read: Read) -> None:
    content = zipped({"1.xml": CTF.format(encoding="utf-8", namespace=""), "list.csv": "a,b\n"})
    result = read(content, "ctf", "ctf.zip")
    assert [note.file for note in result.notes if note.code == "file_ignored"] == ["list.csv"]
