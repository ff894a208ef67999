"""Values as people read them."""

import re
from datetime import UTC, date, datetime

import pytest

from api.db.models import RunKind
from api.web import text


def test_the_words_of_a_name_stand_in_the_order_of_its_own_script() -> None:
    assert text.in_full(["عائشة", None, "مالك"]) == "<bdi>عائشة مالك</bdi>"
    assert text.in_full(["", "Zoë", "<b>"]) == "<bdi>Zoë &lt;b&gt;</bdi>"
    assert text.in_full([None, None]) == ""


@pytest.mark.parametrize(
    ("value", "seen"),
    [
        ("Aisha", "<bdi>Aisha</bdi>"),
        ("<script>", "<bdi>&lt;script&gt;</bdi>"),
        ("Zoë O'Neil", "<bdi>Zoë O&#39;Neil</bdi>"),
        ("عائشة", "<bdi>عائشة</bdi>"),
        ("Ai\u200bsha", '<bdi>Ai<span class="app-unseen">zero width space</span>sha</bdi>'),
        (
            "\u202eahsiA",
            '<bdi><span class="app-unseen">right-to-left override</span>ahsiA</bdi>',
        ),
        ("A\u00a0B", '<bdi>A<span class="app-unseen">no-break space</span>B</bdi>'),
        ("A\nB", "<bdi>A<br>B</bdi>"),
        ("A\ufe0f", '<bdi>A<span class="app-unseen">variation selector-16</span></bdi>'),
        (None, ""),
        ("", ""),
        (7, "<bdi>7</bdi>"),
    ],
)
def test_text_from_data_shows_as_what_it_is(value: object, seen: str) -> None:
    assert text.shown(value) == seen


def test_where_no_markup_can_stand_unseen_characters_are_named_too() -> None:
    assert text.plain("Ai\u200bsha") == "Ai[zero width space]sha"


def test_a_moment_is_told_as_clocks_in_england_show_it() -> None:
    assert text.moment(datetime(2026, 7, 1, 23, 5, tzinfo=UTC)) == "2 July 2026 at 12:05am"
    assert text.moment(datetime(2026, 1, 1, 12, 0, tzinfo=UTC)) == "1 January 2026 at midday"
    assert text.moment(datetime(2026, 1, 1, 12, 1, tzinfo=UTC)) == "1 January 2026 at 12:01pm"
    assert text.moment(datetime(2026, 6, 1, 23, 0, tzinfo=UTC)) == "2 June 2026 at midnight"
    assert text.moment(datetime(2026, 1, 1, 0, 1, tzinfo=UTC)) == "1 January 2026 at 12:01am"
    assert text.moment(None) == text.day(None) == ""


@pytest.mark.parametrize(
    ("seconds", "told"),
    [(5, "less than a minute"), (60, "1 minute"), (7300, "2 hours"), (86400 * 3.9, "3 days")],
)
def test_how_long_something_waited_is_told_in_one_unit(seconds: float, told: str) -> None:
    assert text.age(seconds) == told


def test_numbers_and_days() -> None:
    assert text.number(1234567) == "1,234,567"
    assert text.counted(1, "pair") == "1 pair"
    assert text.counted(2, "child", "children") == "2 children"
    assert text.day(date(2026, 9, 3)) == "3 September 2026"
    assert text.words("early_years") == "early years"


@pytest.mark.parametrize(
    ("probability", "told"),
    [
        (0.881, "88.1%"), (0.9994, "99.9%"), (0.9996, "over 99.9%"), (1.0, "over 99.9%"),
        (0.0006, "0.1%"), (0.0004, "under 0.1%"), (0.0, "under 0.1%"),
    ],
)  # fmt: skip
def test_no_probability_is_told_as_certain(probability: float, told: str) -> None:
    assert text.chance(probability) == told


def test_a_day_is_marked_in_the_parts_that_differ() -> None:
    marked = text.marked_field("2014-05-03", "date_of_birth", [(0, 4), (8, 10)])
    assert marked == "<bdi><mark>3</mark> May <mark>2014</mark></bdi>"
    assert text.marked_field("2014", "date_of_birth", []) == "<bdi>2014</bdi>"
    assert text.marked_field("Ayesha", "forename", [(1, 3)]) == "<bdi>A<mark>ye</mark>sha</bdi>"


@pytest.mark.parametrize(
    ("value", "name", "spans", "words"),
    [
        ("2014-05-03", "date_of_birth", [(0, 4), (5, 7), (8, 10)], "3 May 2014"),
        ("2014-05-03", "date_of_birth", [(0, 4), (8, 10)], "3, 2014"),
        ("2014-05-03", "date_of_birth", [(5, 7)], "May"),
        ("Ayesha <b>", "forename", [(1, 3), (7, 10)], "ye, &lt;b&gt;"),
        ("Sara", "forename", [], ""),
        (None, "forename", [], ""),
    ],
)
def test_what_is_marked_is_told_in_the_form_in_which_it_is_shown(
    value: str | None, name: str, spans: list[tuple[int, int]], words: str
) -> None:
    assert re.sub("</?bdi>", "", text.marked_words(value, name, spans)) == words


def test_every_kind_of_run_has_words() -> None:
    assert set(text.RUN_DID) == set(text.IN_RUN) == set(RunKind)
