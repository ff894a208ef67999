"""No personal value leaves through the screen, the summary or the rejects."""

from pathlib import Path

import pytest

from tests.end_to_end.command import DATA_PROBLEM, GOOD, Answer, matcher, write

# Values that stand nowhere else.
PERSONAL = (
    *("Xanthippa", "Quillfeather", "Zebedee", "Vanbrugh", "Wobblington"),
    *("9434765919", "P207000016049", "OL9 7ZZ", "31/02/2019", "Gadfly Lane", "KX77123"),
)

BAD_ROWS = """\
record_id,role,forename,surname,date_of_birth,sex,nhs_number,upn,address,postcode,family_id
1,child,Xanthippa,Quillfeather,31/02/2019,F,9434765919,P207000016049,4 Gadfly Lane,OL9 7ZZ,KX77123
,child,Zebedee,Vanbrugh,04/05/2019,M,9434765919,P207000016049,4 Gadfly Lane,OL9 7ZZ,KX77123
2,Wobblington,Zebedee,Vanbrugh,04/05/2019,M,,,4 Gadfly Lane,OL9 7ZZ,KX77123
3,child,Zebedee,Vanbrugh,04/05/2019,M,,,4 Gadfly Lane,OL9 7ZZ,KX77123,Gadfly Lane,more
4,child,Zebedee,Vanbrugh,around Easter,Wobblington,12,34,4 Gadfly Lane,Wobblington,KX77123
5,child,Zebedee,Vanbrugh,04/05/2019,M,9434765919,P207000016049,4 Gadfly Lane,OL9 7ZZ,KX77123
5,child,Xanthippa,Quillfeather,04/05/2019,F,,,4 Gadfly Lane,OL9 7ZZ,KX77123
"""


def assert_silent(*texts: str) -> None:
    for text in texts:
        for value in PERSONAL:
            assert value.casefold() not in text.casefold(), value


def assert_screen_is_silent(answer: Answer) -> None:
    assert_silent(answer.out, answer.err)
    assert "Traceback" not in answer.err


def test_bad_rows_are_told_by_place_and_reason_only(tmp_path: Path) -> None:
    write(tmp_path / "people.csv", BAD_ROWS)
    answer = matcher(tmp_path, "link", "nursery=people.csv", "--out", "out")
    assert answer.status == GOOD, answer.err
    rejects = (tmp_path / "out/rejects.csv").read_text(encoding="utf-8")
    assert len(rejects.splitlines()) >= 6
    assert_screen_is_silent(answer)
    assert_silent(rejects, (tmp_path / "out/summary.json").read_text(encoding="utf-8"))


@pytest.mark.parametrize(
    ("text", "status"),
    [
        ("Xanthippa,Quillfeather,31/02/2019\nZebedee,Vanbrugh,04/05/2019\n", DATA_PROBLEM),
        ("Xanthippa;Quillfeather\n" * 60, DATA_PROBLEM),
        ('"Xanthippa,Quillfeather\nZebedee,Vanbrugh\n', DATA_PROBLEM),
        ("record_id,forename,forename\n1,Xanthippa,Zebedee\n", GOOD),
    ],
    ids=["no header", "another separator", "an open quote", "a header twice"],
)
def test_a_doubtful_file_is_told_without_what_is_in_it(
    text: str, status: int, tmp_path: Path
) -> None:
    write(tmp_path / "people.csv", text)
    answer = matcher(tmp_path, "link", "nursery=people.csv", "--out", "out")
    assert_screen_is_silent(answer)
    assert answer.status == status


def test_a_truth_that_does_not_fit_is_told_without_what_is_in_it(tmp_path: Path) -> None:
    write(tmp_path / "truth.csv", "source,record_id\nXanthippa,Quillfeather\n")
    write(tmp_path / "crosswalk.csv", "source,record_id,child_id\nXanthippa,Zebedee,Vanbrugh\n")
    answer = matcher(tmp_path, "evaluate", "--truth", "truth.csv", "--crosswalk", "crosswalk.csv")
    assert answer.status == DATA_PROBLEM
    assert_screen_is_silent(answer)
