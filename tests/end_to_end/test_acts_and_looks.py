"""People look at a register, and act on it, at the command line, on both databases."""

import json
import re
from pathlib import Path

import pytest
from sqlalchemy import Engine

from tests.databases import Databases
from tests.end_to_end.command import DATA_PROBLEM, GOOD, WRONG_CALL, Call, rows

CHILD = "\n".join(
    [
        "record_id,forename,surname,date_of_birth,sex,address,postcode",
        "1,Aisha,Malik,2014-05-03,F,2 Mill Rd,OL1 1AA",
        "2,Noah,Quigley,2011-11-20,M,9 Ash Gr,OL4 3PP",
    ]
)


@pytest.fixture
def kept(databases: Databases, matcher: Call, tmp_path: Path) -> Call:
    """Calls the command on a register of two lists of the same two children.

    They are brought in once for all tests.
    """

    def bring_in(engine: Engine) -> None:
        url = engine.url.render_as_string(hide_password=False)
        for source in ("nursery", "clinic"):
            path = tmp_path / f"{source}.csv"
            path.write_text(f"{CHILD}\nx,Ada,Lees,yesterday,,,\n", encoding="utf-8")
            how = ("--as-of", "2024-09-01", "--new-source", "--database", url)
            brought = matcher("ingest", source, path, *how)
            assert brought.status == GOOD

    url = databases.filled("two lists of two children", bring_in)
    return lambda *arguments: matcher(*arguments, "--database", url)


def test_extracts_are_listed_with_their_reports_and_rejects(kept: Call, tmp_path: Path) -> None:
    listed = json.loads(kept("extracts", "--json").out)["extracts"]
    assert [(one["id"], one["source"], one["state"]) for one in listed] == [
        (2, "clinic", "current"),
        (1, "nursery", "current"),
    ]
    shown = kept("extracts", "show", 1)
    assert "date_unreadable" in shown.out
    assert "share filled" in shown.out
    assert json.loads(kept("extracts", "show", 1, "--json").out)["report"]["records"] == 2
    assert "row 4, date_of_birth: the cell holds no date" in kept("extracts", "rejects", 1).out
    kept("extracts", "rejects", 1, "--out", tmp_path / "rejects.csv")
    (reject,) = rows(tmp_path / "rejects.csv")
    assert (reject["row"], reject["code"]) == ("4", "date_unreadable")
    for command in ("show", "rejects"):
        assert kept("extracts", command, 99).status == DATA_PROBLEM


def test_an_extract_that_waits_can_be_looked_at_again(kept: Call, tmp_path: Path) -> None:
    unborn = "3,Zara,Begum,2024-09-02,F,,"
    (tmp_path / "again.csv").write_text(f"{CHILD}\n{unborn}\n", encoding="utf-8")
    assert kept("ingest", "nursery", tmp_path / "again.csv", "--as-of", "2024-09-01").status == 1
    shown = kept("extracts", "show", 3).out
    assert "another extract of the source with the same date" in shown
    assert "matcher accept 3" in shown
    assert (
        "extract.csv, date_of_birth: dates of birth that lie ahead; they are taken as missing: 1"
        in (" ".join(shown.split()))
    )
    again = kept("ingest", "nursery", tmp_path / "again.csv", "--as-of", "2024-09-01")
    assert "matcher accept 3" in again.out


def _written(folder: Path, **said: str) -> Path:
    path = folder / "record.json"
    path.write_text(json.dumps(said), encoding="utf-8")
    return path


def test_a_child_is_shown_with_what_may_be_seen_and_where_a_former_id_leads(
    kept: Call, tmp_path: Path
) -> None:
    found = json.loads(
        kept("show", "record", "nursery", 1, "--purpose", "early_years", "--json").out
    )
    child = found["child_id"]
    assert found["record"]["values"]["forename"] == "Aisha"
    shown = kept("show", "child", child, "--purpose", "early_years").out
    assert "postcode: OL1 1AA" in shown
    assert "record clinic 1" in shown
    kept("shield", "nursery", 1, "--why", "a test")
    hidden = kept("show", "child", child, "--purpose", "early_years").out
    assert "OL1 1AA" not in hidden
    assert "is hidden" in hidden
    lifted = kept("lift", "nursery", 1, "--why", "a test").out
    assert lifted == "The shield is lifted from this record's child.\n"
    kept("decide", "match", "nursery", 1, "nursery", 2, "--why", "a test")
    other = json.loads(
        kept("show", "record", "nursery", 2, "--purpose", "early_years", "--json").out
    )["child_id"]
    assert other == child or child in kept("show", "child", other, "--purpose", "early_years").out
    asked = ("show", "child", other, "--purpose", "early_years", "--json")
    then = [one["run"] for one in json.loads(kept(*asked, "--as-of", "1").out)["history"]]
    assert set(then) == {1} < {one["run"] for one in json.loads(kept(*asked).out)["history"]}
    kept("put", "nursery", "77", _written(tmp_path, forename="Zeno", surname="Quint"))
    late = json.loads(
        kept("show", "record", "nursery", 77, "--purpose", "early_years", "--json").out
    )["child_id"]
    began = kept("show", "child", late, "--purpose", "early_years", "--as-of", "1")
    assert (began.status, "began after run 1" in began.err) == (DATA_PROBLEM, True)
    refused = kept("show", "child", child, "--purpose", "nothing")
    assert refused.status == DATA_PROBLEM
    assert "no source in the register may be used for this purpose" in refused.err
    assert "early_years" in refused.err
    assert kept("show", "child", "0000000000000", "--purpose", "early_years").status == 1


def test_the_same_decision_again_is_not_entered_and_another_one_says_what_it_replaces(
    kept: Call,
) -> None:
    pair = ("nursery", 1, "clinic", 2)
    kept("decide", "match", *pair, "--why", "a test")
    assert "decided so already: decision 1" in kept("decide", "match", *pair, "--why", "x").out
    replaced = kept("decide", "non-match", *pair, "--why", "another look").out
    assert "Decision 2 is entered" in replaced
    assert "in place of decision 1" in replaced
    listed = json.loads(kept("decisions", "--json").out)["decisions"]
    assert [(one["id"], one["standing"]) for one in listed] == [
        (2, "holds"),
        (1, "replaced by a later one"),
    ]
    kept("undo", 2, "--why", "a mistake")
    assert "(taken back): another look" in kept("decisions").out


def test_a_decision_that_contradicts_others_tells_the_conflict_and_it_is_listed(
    kept: Call,
) -> None:
    kept("decide", "match", "nursery", 1, "nursery", 2, "--why", "a test")
    said = kept("decide", "non-match", "nursery", 1, "clinic", 2, "--why", "a test")
    more = kept("decide", "match", "clinic", 2, "nursery", 2, "--why", "a test")
    assert "A conflict arose" in said.out + more.out
    found = json.loads(kept("queue", "--json").out)
    assert found["counts"]["conflicts"] == 1
    assert found["pairs"][0]["kind"] == "contradiction"
    named = [one["id"] for one in found["pairs"][0]["clashing"]]
    assert named == [1, 2, 3]
    listed = kept("queue").out
    assert "What waits: 1 conflict, 0 decisions on changed values and " in listed
    assert "decision 2, non-match of nursery 1 and clinic 2 by " in listed
    assert "matcher undo 1|2|3 --why TEXT" in listed
    assert "To decide" not in listed
    standing = {one["id"]: one["standing"] for one in
                json.loads(kept("decisions", "--json").out)["decisions"]}  # fmt: skip
    assert sorted(standing.values()) == ["holds", "holds", "in conflict, not followed"]
    together = {key: json.loads(kept("show", "record", *key, "--purpose", "early_years", "--json")
                                .out)["child_id"]
                for key in (("nursery", 1), ("nursery", 2), ("clinic", 2))}  # fmt: skip
    assert (together["nursery", 1] == together["nursery", 2]) == (standing[1] == "holds")


def test_a_decision_on_values_that_changed_shows_the_old_beside_the_new(
    kept: Call, tmp_path: Path
) -> None:
    kept("decide", "match", "nursery", 1, "clinic", 1, "--why", "a [test]")
    later = CHILD.replace("1,Aisha,Malik,2014-05-03", "1,Ayesha,Malik,2014-05-04")
    (tmp_path / "later.csv").write_text(f"{later}\n", encoding="utf-8")
    kept("ingest", "nursery", tmp_path / "later.csv", "--as-of", "2024-09-08")
    kept("accept", 3)
    kept("relink")
    listed = kept("queue").out
    assert "decision 1, match by " in listed
    assert ": a [test]\n" in listed
    assert "nursery 1: forename was Aisha, is Ayesha\n" in listed
    assert "nursery 1: date_of_birth was 2014-05-03, is 2014-05-04\n" in listed
    kept("shield", "nursery", 1, "--why", "a test")
    assert "where the child lives is hidden" in kept("queue").out


def test_a_decision_on_a_source_that_is_none_says_so(kept: Call) -> None:
    refused = kept("decide", "match", "nursey", 1, "clinic", 1, "--why", "a test")
    assert refused.status == DATA_PROBLEM
    assert "there is no source of this name in the register" in refused.err


def test_a_value_is_corrected_and_released(kept: Call) -> None:
    def surname() -> str:
        shown = kept("show", "record", "nursery", 1, "--purpose", "early_years", "--json").out
        child = json.loads(shown)["child_id"]
        asked = kept("show", "child", child, "--purpose", "early_years", "--json")
        return str(json.loads(asked.out)["golden"]["surname"][0])

    before = surname()
    done = kept("correct", "nursery", 1, "surname", "--value", "Malick", "--why", "a test")
    assert done.status == GOOD, done.err
    assert surname() == "Malick"
    assert kept("release", 1, "--why", "moved").status == GOOD
    assert surname() == before


def test_records_that_are_on_neither_side_of_a_severance_are_told(
    kept: Call, tmp_path: Path
) -> None:
    said = tmp_path / "said.json"
    said.write_text(json.dumps({"forename": "Aisha", "surname": "Malik", "sex": "F",
                                "date_of_birth": "2014-05-03"}), encoding="utf-8")  # fmt: skip
    assert kept("put", "nursery", 55, said).status == GOOD
    assert kept("decide", "match", "nursery", 55, "clinic", 1, "--why", "x").status == GOOD
    half = kept("sever", "--one", "nursery=1", "--other", "clinic=1", "--why", "order")
    assert half.status == DATA_PROBLEM
    assert "1 of its records on neither" in half.err
    assert "nursery=55" in half.err
    sides = ("--one", "nursery=1", "--other", "clinic=1", "--other", "nursery=55")
    assert kept("sever", *sides, "--why", "order").status == GOOD


def test_severed_identities_are_never_one_child_again(kept: Call, tmp_path: Path) -> None:
    severed = kept("sever", "--one", "nursery=1", "--other", "clinic=1", "--why", "order")
    assert "1 pair of records" in severed.out
    kept("export", "crosswalk", "--out", tmp_path / "out.csv")
    children = {(r["source"], r["record_id"]): r["child_id"] for r in rows(tmp_path / "out.csv")}
    assert children["nursery", "1"] != children["clinic", "1"]
    assert kept("decide", "match", "nursery", 1, "clinic", 1, "--why", "x").status == DATA_PROBLEM
    assert kept("sever", "--one", "nursery", "--other", "clinic=1", "--why", "x").status == 2


def test_one_record_is_put_and_deleted(kept: Call, tmp_path: Path) -> None:
    said = tmp_path / "said.json"
    values = {"forename": "Aisha", "surname": "Malik", "date_of_birth": "2014-05-03", "sex": "F"}
    said.write_text(json.dumps(values | {"postcode": "OL1 1AA"}), encoding="utf-8")
    put = json.loads(kept("put", "nursery", 7, said, "--json").out)
    assert (put["created"], put["changed"]) == (True, True)
    assert "Nothing changed" in kept("put", "nursery", 7, said).out
    dated = tmp_path / "dated.json"
    for said_on in ("2024-09-03", "2024-09-05"):
        dated.write_text(json.dumps({**values, "as_of": said_on}), encoding="utf-8")
        told = kept("put", "nursery", 8, dated).out
    assert "the record says the same, as of a later day" in told
    late = kept("delete", "nursery", 8, "--as-of", "2024-09-04")
    assert (late.status, "is older than that of what the record says" in late.err) == (
        DATA_PROBLEM,
        True,
    )
    assert "no child" in kept("delete", "nursery", 8, "--as-of", "2024-09-05").out
    assert "no child" in kept("delete", "nursery", 7).out
    said.write_text(json.dumps({"surnam": "Quillfeather"}), encoding="utf-8")
    refused = kept("put", "nursery", 7, said)
    assert refused.status == DATA_PROBLEM
    assert "surnam cannot be read: there is no such field; columns are role, " in refused.err
    assert "Quillfeather" not in refused.err + refused.out
    wrong = {"role": "Quill", "sex": "Quill", "forename": 5, "date_of_birth": "Quill"}
    said.write_text(json.dumps(wrong), encoding="utf-8")
    refused = kept("put", "nursery", 7, said)
    assert refused.err == (
        "matcher: FILE: role cannot be read: give 'child' or 'carer'; "
        "forename cannot be read: give text; sex cannot be read: give 'F' or 'M'; "
        "date_of_birth cannot be read: give a date as YYYY-MM-DD\n"
    )
    said.write_text('{"forename": "Ann", "forename": "Quillfeather"}', encoding="utf-8")
    refused = kept("put", "nursery", 7, said)
    assert (refused.status, "says the same name twice" in refused.err) == (DATA_PROBLEM, True)
    assert "Quillfeather" not in refused.err
    said.write_text("[1]", encoding="utf-8")
    assert "give an object such as" in kept("put", "nursery", 7, said).err
    said.write_text(json.dumps(values), encoding="utf-8")
    for source, says in (("nursry", "did you mean nursery?"), ("zzz", "; ingest an extract of it")):
        assert says in kept("put", source, 7, said).err


def test_an_extract_that_comes_again_after_its_records_were_put_or_deleted_is_told_so(
    kept: Call, tmp_path: Path
) -> None:
    listed = tmp_path / "nursery.csv"
    listed.write_text(f"{CHILD}\nx,Ada,Lees,yesterday,,,\n", encoding="utf-8")
    again = ("ingest", "nursery", listed, "--as-of", "2024-09-01")
    assert "one by one" not in kept(*again).out
    assert json.loads(kept(*again, "--json").out)["changed_since"] == 0
    kept("delete", "nursery", 1)
    told = kept(*again).out
    assert "Nothing changed: the register has this extract of nursery already." in told
    assert "But 1 record of nursery was put or deleted one by one since" in told
    assert "later --as-of" in told
    assert json.loads(kept(*again, "--json").out)["changed_since"] == 1
    later = kept(*again[:-1], "2024-09-02", "--json")
    assert json.loads(later.out)["report"]["change"]["new"] == 1
    assert "one by one" not in kept(*again[:-1], "2024-09-02").out


def test_what_was_noted_of_a_file_is_told_when_it_is_brought(kept: Call, tmp_path: Path) -> None:
    odd = tmp_path / "odd.csv"
    odd.write_bytes(b"record_id,forename,surname,surname\n1,Ren\x81,Quillfeather,x\n2,Ann,Lees,x\n")
    told = kept("ingest", "odd", odd, "--as-of", "2024-09-01", "--new-source").out
    assert "extract.csv, surname: a header stands twice" in told
    assert "characters that could not be read; they were replaced: 1" in told
    assert "Quillfeather" not in told
    shown = json.loads(kept("extracts", "show", 3, "--json").out)
    assert shown["report"]["fields"]["forename"] == {"present": 2, "valid": 1}


def test_a_day_that_is_none_is_told_how_it_is_written(kept: Call, tmp_path: Path) -> None:
    (tmp_path / "list.csv").write_text(CHILD, encoding="utf-8")
    for call in (
        ("ingest", "nursery", tmp_path / "list.csv", "--as-of", "17/01/2025"),
        ("audit", "list", "--after", "17/01/2025"),
    ):
        refused = kept(*call)
        assert refused.status == WRONG_CALL
        assert ": write a date as YYYY-MM-DD" in refused.err
    assert kept("audit", "list", "--after", "2999-01-01", "--json").out == '{\n  "entries": []\n}\n'


def test_an_entry_of_a_history_that_changed_nothing_says_of_which_day_it_is(
    kept: Call, tmp_path: Path
) -> None:
    lines = CHILD.splitlines()
    (tmp_path / "delta.csv").write_text("\n".join(lines[:2]), encoding="utf-8")
    later = ("--as-of", "2024-09-08", "--mode", "delta")
    kept("ingest", "nursery", tmp_path / "delta.csv", *later)
    shown = kept("show", "record", "nursery", 1, "--purpose", "early_years").out
    assert "record listed, as of 2024-09-08\n" in shown
    kept("withdraw", 3, "--why", "a slip")
    kept("relink")
    shown = kept("show", "record", "nursery", 1, "--purpose", "early_years").out
    assert shown.splitlines()[-1].endswith("record listed, as of 2024-09-01")
    assert "record said: \n" not in shown
    assert "record said\n" not in shown


def test_lifting_a_shield_names_the_records_that_it_still_hides(kept: Call) -> None:
    kept("decide", "match", "nursery", 1, "nursery", 2, "--why", "a test")
    kept("shield", "nursery", 1, "--why", "a test")
    kept("undo", 1, "--why", "a mistake")
    told = kept("lift", "nursery", 1, "--why", "a test").out
    assert "It still hides nursery 2, to which it had spread." in told
    assert "matcher lift SOURCE ID --why TEXT" in told
    assert "hides" not in kept("lift", "nursery", 2, "--why", "a test").out


def test_agreements_say_what_each_source_may_be_used_for(kept: Call) -> None:
    sources = json.loads(kept("agreements", "--json").out)["sources"]
    assert [one["name"] for one in sources] == ["clinic", "nursery"]
    assert sources[0]["agreements"][0]["purposes"] == ["early_years"]
    assert "for early_years" in kept("agreements").out


def test_the_access_log_names_whom_a_command_showed_and_for_which_purpose(kept: Call) -> None:
    purpose = ("--purpose", "early_years")

    def log(about: str) -> list[tuple[str, str | None]]:
        found = json.loads(kept("audit", "list", "--about", about, "--json").out)["entries"]
        return [(one["what"], one["purpose"]) for one in found if one["log"] == "access"]

    record = json.loads(kept("show", "record", "nursery", 1, *purpose, "--json").out)
    shown = ("matcher show record", "early_years")
    assert log("nursery/1") == log(record["child_id"]) == [shown]
    kept("show", "child", record["child_id"], *purpose)
    for about in ("nursery/1", "clinic/1", record["child_id"]):
        assert log(about)[0] == ("matcher show child", "early_years")
    assert log("nursery/2") == []
    kept("decide", "match", "nursery", 1, "nursery", 2, "--why", "a test")
    kept("decisions")
    assert log("nursery/2") == [("matcher decisions", None)]
    kept("decide", "non-match", "clinic", 1, "nursery", 2, "--why", "a test")
    kept("decide", "match", "clinic", 1, "nursery", 1, "--why", "a test")
    waiting = json.loads(kept("queue", "--json").out)["pairs"]
    assert waiting
    for source, record in (waiting[0]["l"], waiting[0]["r"]):
        assert log(f"{source}/{record}")[0] == ("matcher queue", None)
    # What was asked in vain is there too, without what was typed in place of an id.
    kept("show", "child", "943 476 5919", *purpose)
    last = json.loads(kept("audit", "list", "--limit", 1, "--json").out)["entries"][0]
    assert (last["what"], last["purpose"], last["about"]) == (
        *("matcher show child", "early_years"),
        [],
    )


def test_severing_again_says_that_nothing_is_new(kept: Call) -> None:
    sides = ("--one", "nursery=1", "--other", "clinic=1")
    kept("sever", *sides, "--why", "order")
    again = kept("sever", *sides, "--why", "order")
    assert (again.status, again.out) == (
        GOOD,
        "Nothing is new: these records are severed already.\n",
    )
    log = json.loads(kept("audit", "list", "--about", "nursery/1", "--json").out)["entries"]
    assert [one["what"] for one in log] == ["record_severed"]


def test_a_run_that_only_completes_an_act_is_told_as_such(kept: Call) -> None:
    """What joins a severed child is kept from the other side by a run of its own."""
    kept("sever", "--one", "nursery=1", "--other", "clinic=1", "--why", "order")
    joined = kept("decide", "match", "nursery", 1, "nursery", 2, "--why", "a test").out
    assert "nothing changed" not in joined
    runs = [int(number) for number in re.findall(r"^Run (\d+)", joined, re.MULTILINE)]
    assert runs == [runs[0], runs[0] + 1]
    assert f"Run {runs[1]} completed this: no child changed any more.\n" in joined


def test_a_run_in_which_a_conflict_arose_says_so(kept: Call) -> None:
    """Also where no child is another for it."""
    for kind, *pair in (
        ("match", "nursery", 1, "clinic", 1),
        ("match", "nursery", 2, "clinic", 2),
        ("non-match", "nursery", 1, "nursery", 2),
    ):
        kept("decide", kind, *pair, "--why", "a test")
    said = kept("decide", "match", "clinic", 1, "clinic", 2, "--why", "a test").out
    assert "nothing changed" not in said
    assert re.search(r"conflicts that arose\W+1\W", said)
    assert "A conflict arose: " in said
    for number in (4, 3):
        kept("undo", number, "--why", "a test")
    kept("decide", "non-match", "nursery", 1, "nursery", 2, "--why", "a test", "--link-later")
    kept("decide", "match", "clinic", 1, "clinic", 2, "--why", "a test", "--link-later")
    (run,) = json.loads(kept("relink", "--json").out)["runs"]
    assert run["conflicts_arisen"] == 1


def test_a_decision_on_severed_records_is_not_there_to_be_taken_back(kept: Call) -> None:
    kept("decide", "non-match", "nursery", 1, "clinic", 2, "--why", "a test")
    kept("sever", "--one", "nursery=1", "--other", "clinic=2", "--why", "order")
    assert json.loads(kept("decisions", "--json").out)["decisions"] == []
    runs = kept("status").out
    hidden, none = kept("undo", 1, "--why", "a test"), kept("undo", 99, "--why", "a test")
    assert (hidden.status, hidden.err.replace("1", "99")) == (DATA_PROBLEM, none.err)
    assert kept("status").out == runs


def test_what_is_refused_of_a_record_names_the_field_and_what_is_so(
    kept: Call, tmp_path: Path
) -> None:
    said = tmp_path / "said.json"
    values = {"forename": "Zeno", "surname": "Quint", "date_of_birth": "2014-05-03"}
    for wrong in ("as_of", "date_of_birth"):
        said.write_text(json.dumps({**values, wrong: "2999-01-01"}), encoding="utf-8")
        refused = kept("put", "nursery", 7, said)
        assert refused.err == f"matcher: FILE: {wrong}: this day is yet to come\n"
    late = kept("delete", "nursery", 1, "--as-of", "2999-01-01")
    assert late.err == "matcher: --as-of: this day is yet to come\n"
    assert kept("delete", "nursery", 1).status == GOOD
    again, never = (kept("delete", "nursery", one) for one in (1, 99))
    assert again.err == "matcher: nursery does not list this record any more\n"
    assert never.err == "matcher: nursery has no record with this id; check both\n"


def test_a_folder_that_is_not_there_is_told_alike(kept: Call, tmp_path: Path) -> None:
    for call in (("backup", tmp_path / "no" / "x.zip"),
                 ("export", "register", "--out", tmp_path / "no" / "x.csv")):  # fmt: skip
        refused = kept(*call)
        assert refused.status == DATA_PROBLEM
        assert " is to be in does not exist; make it first" in refused.err
    wrong = kept("export", "nothing", "--out", tmp_path / "x.csv").err
    assert wrong.startswith(
        "matcher: Invalid value for 'what': 'nothing' is not one of 'crosswalk'"
    )
    assert "'--limit': give a whole number" in kept("queue", "--limit", "x").err
    assert "'--limit': it should be greater than" in kept("queue", "--limit", "0").err
