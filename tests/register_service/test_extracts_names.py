"""A file's own name may be a child's, so it is neither kept nor told."""

import zipfile
from pathlib import Path

from sqlalchemy import select

from api.db.models import Extract, Reject
from api.services.extracts.validation import validate
from tests.end_to_end.command import TOWN
from tests.register_service.extracts import NOW, Loader, rules

NAME = "Ada Quillfeather"


def zipped(path: Path, files: dict[str, str]) -> Path:
    with zipfile.ZipFile(path, "w") as archive:
        for name, text in files.items():
            archive.writestr(name, text)
    return path


def validated(loader: Loader, path: Path, source: str) -> int:
    extract = loader.receive(path, source=source).extract
    validate(loader.connection, extract, book=rules(), by="analyst", now=NOW)
    return extract


def kept_of(loader: Loader, extract: int) -> tuple[list[str], str, str]:
    """Files of its rejects; its report and its refusal as text."""
    files = select(Reject.file).where(Reject.extract == extract).distinct().order_by(Reject.file)
    row = loader.connection.execute(
        select(Extract.report, Extract.refusal).where(Extract.id == extract)
    ).one()
    return list(loader.connection.scalars(files)), str(row.report), str(row.refusal)


def test_a_file_is_called_by_its_table_or_its_place(loader: Loader, tmp_path: Path) -> None:
    header = "record_id,forename,surname,date_of_birth\n"
    path = zipped(
        tmp_path / "two.zip",
        {
            f"{NAME}.csv": f"{header}1,Ada,Lees,2014-05-03\n2,Ben,Lees,yesterday\n",
            "a list.csv": f"{header}3,Cy,Lees,tomorrow\n",
        },
    )
    files, report, _ = kept_of(loader, validated(loader, path, "toddlers"))
    assert files == ["people, file 1 of the zip", "people, file 2 of the zip"]
    assert NAME not in report


def test_a_table_in_one_file_is_what_that_is_called(loader: Loader) -> None:
    extract = validated(loader, TOWN / "estart", "estart")
    row = loader.connection.execute(select(Extract.report).where(Extract.id == extract)).one()
    assert {one["file"] for one in row.report["files"]} == {
        one["table"] for one in row.report["files"]
    }


def test_a_refusal_names_no_file_within_a_zip(loader: Loader, tmp_path: Path) -> None:
    path = zipped(tmp_path / "none.zip", {f"{NAME}.csv": "a,b\n1,2\n"})
    _, _, refusal = kept_of(loader, validated(loader, path, "systmone"))
    assert "file 1 of the zip" in refusal
    assert NAME not in refusal
