import json
from collections.abc import Callable

import pandas as pd

from matcher.evaluate import as_dict, evaluate, render_text

Table = Callable[[str], pd.DataFrame]


def test_the_report_shows_each_figure_with_its_interval(table: Table) -> None:
    rows = table("""
        source  record_id  person_id  child_id  band
        a       1          p          C1        1
        b       1          p          C1        1
        a       2          q          C2        2
        b       2          q          C3        2
    """)
    text = render_text(evaluate(rows.drop(columns="child_id"), rows.drop(columns="band")))
    assert text == (
        "4 records of 2 children in the truth, in 3 clusters\n"
        "\n"
        "pairs                         precision                    recall"
        "                        F1   false   missed\n"
        "all             1.0000 [0.2065, 1.0000]   0.5000 [0.0945, 0.9055]"
        "   0.6667 [0.1727, 0.9504]       0        1\n"
        "cross-source    1.0000 [0.2065, 1.0000]   0.5000 [0.0945, 0.9055]"
        "   0.6667 [0.1727, 0.9504]       0        1\n"
        "within-source                       n/a                       n/a"
        "                       n/a       0        0\n"
        "\n"
        "B-cubed    precision 1.0000   recall 0.7500   F1 0.8571\n"
        "\n"
        "band   children                 precision                    recall   false   missed\n"
        "1             1   1.0000 [0.2065, 1.0000]   1.0000 [0.2065, 1.0000]       0        0\n"
        "2             1                       n/a   0.0000 [0.0000, 0.7935]       0        1\n"
        "\n"
        "children of a group   groups                 precision                    recall"
        "   false   missed\n"
        "1 to 49                    2   1.0000 [0.2065, 1.0000]   0.5000 [0.0945, 0.9055]"
        "       0        1\n"
        "\n"
        "Brackets hold 95% intervals.\n"
    )


def test_the_report_says_what_was_left_out_and_shows_the_queue(table: Table) -> None:
    truth = table("""
        source  record_id  person_id  role
        a       1          p          child
        b       1          p          child
        a       9          m          carer
    """)
    crosswalk = table("""
        source  record_id  child_id
        a       1          C1
        c       7          C7
    """)
    links = table("""
        source_l  record_id_l  source_r  record_id_r  match_probability  designation
        a         1            b         1            0.7                possible
    """)
    text = render_text(evaluate(truth, crosswalk, links))
    assert "Records not in the crosswalk, counted as unlinked: 1" in text
    assert "Crosswalk records not in the truth, left out: 1" in text
    assert "Records of carers, left out: 1" in text
    assert "possible links to review 1 (100.0 per 100 children), of which 1 are true" in text
    assert "After a perfect reviewer: recall 1.0000" in text
    assert "Expected calibration error: 0.3000" in text


def test_flags_share_one_table_of_the_pairs_that_they_touch(table: Table) -> None:
    rows = table("""
        source  record_id  person_id  child_id  moved  misspelt
        a       1          p          C1        1      0
        b       1          p          C1        0      0
        a       2          q          C2        0      1
        b       2          q          C3        1      0
    """)
    result = evaluate(rows.drop(columns="child_id"), rows[["source", "record_id", "child_id"]])
    lines = render_text(result).splitlines()
    at = next(number for number, line in enumerate(lines) if line.startswith("either record has"))
    assert [line.split()[0] for line in lines[at + 1 : at + 3]] == ["moved", "misspelt"]
    assert lines[at + 3] == ""
    assert "0.5000 [0.0945, 0.9055]" in lines[at + 1]
    assert "0.0000 [0.0000, 0.7935]" in lines[at + 2]


def test_the_result_goes_through_json_with_null_for_what_is_not_available(table: Table) -> None:
    rows = table("""
        source  record_id  person_id  child_id  band
        a       1          p          C1        1
        b       1          q          C2        2
    """)
    result = evaluate(rows.drop(columns="child_id"), rows.drop(columns="band"))
    plain = as_dict(result)
    assert json.loads(json.dumps(plain)) == plain
    assert plain["pairs"]["precision"] is None
    assert plain["pairs"]["f1_interval"] is None
    assert plain["links"] is None
    assert plain["groups"][0]["column"] == "band"
