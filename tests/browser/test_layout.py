"""What is written fits into what it stands in, on a screen and on a phone."""

import re
from itertools import pairwise
from pathlib import Path

import pytest
from playwright.sync_api import Locator, Page, expect
from sqlalchemy import Engine, update

from api.db.engine import writing
from api.db.models import RecordVersion
from api.services.access.roles import Role
from tests.browser import extract_samples
from tests.browser.conftest import Open
from tests.browser.review_samples import pair_of
from tests.browser.samples import SAMPLES, preview, search
from tests.browser.site import PHONE, Site, serving, violations, wider_than_screen
from tests.register_service.reviewed import AISHA, PEOPLE, UNSURE, Reviewed, with_values
from tests.rest.work import do_work
from tests.spec.drawn import rows
from tests.web.test_measures import keep

SIZES = pytest.mark.parametrize("size", [(1280, 800), PHONE], ids=["desktop", "phone"])

LONG = "Rohanbhaijanardhanvallabhaswamy Krishnamoorthy"
# Two boys of one name, whom their dates of birth tell apart.
BOYS = rows(f"""
source | record_id | forename | surname | date_of_birth | sex | address   | postcode
school | 21        | {LONG}   | Patel   | 2017-09-28    | M   | 5 Elm Dr  | OL2 2BB
clinic | 22        | {LONG}   | Patel   | 2011-12-30    | M   | 8 Oak Ave | OL3 3CC
""")


def too_long(found: Locator) -> list[str]:
    """The texts of those that are wider than the box which they are in."""
    cut: list[str] = found.evaluate_all(
        "all => all.filter(one => one.scrollWidth > one.clientWidth).map(one => one.innerText)"
    )
    return cut


def cut_choices(found: Locator) -> list[str]:
    """The choices of lists that are narrower than what they hold."""
    cut: list[str] = found.evaluate_all(
        """all => all.filter(one => {
          const [own, natural] = [one, one.cloneNode(true)]
          natural.style.cssText = 'width: auto; min-width: 0; max-width: none; position: absolute'
          own.after(natural)
          const wide = natural.getBoundingClientRect().width
          natural.remove()
          return wide > own.getBoundingClientRect().width + 0.5
        }).map(one => one.selectedOptions[0].text)"""
    )
    return cut


def overprinted(page: Page) -> list[str]:
    """What cells of cards are called, of those whose names stand over the next cell's."""
    cells: list[str] = page.evaluate(
        """() => [...document.querySelectorAll('.app-table-frame--cards td')]
          .filter(cell => cell.getClientRects().length)
          .filter(cell => cell.getBoundingClientRect().height
            < parseFloat(getComputedStyle(cell, '::before').height))
          .map(cell => cell.dataset.title)"""
    )
    return cells


@SIZES
@pytest.mark.parametrize("path", ["/", "/extracts"])
def test_states_in_tables_are_not_cut(
    open_page: Open, shared_site: Site, path: str, size: tuple[int, int]
) -> None:
    extract_samples.strange(shared_site)
    extract_samples.waiting(shared_site)
    page = open_page(shared_site, as_=shared_site.person(Role.STEWARD), size=size)
    page.goto(path)
    tags = page.locator("td .govuk-tag")
    for state in ("Needs its columns", "Waits for a person"):
        expect(tags.filter(has_text=state).first).to_be_visible()
    assert too_long(tags) == []
    if size != PHONE:
        assert too_long(page.get_by_role("region").filter(has=tags)) == []


@pytest.mark.parametrize(
    ("path", "name"),
    [
        ("/extracts", "Extracts, newest first"),
        ("/extracts/{extract}/rejects", "Rejects by row"),
        ("/children/{child_id}/history", "What happened, oldest first"),
        ("/audit", "Entries, the latest first"),
        ("/children", "Children found"),
        ("/", "Extracts on the way in"),
        ("/", "Last runs"),
        ("/review", "Pairs that wait, those first of which a decision is worth most"),
        ("/quality", "What thresholds give, as the weights expect"),
        ("/quality/blocking", "What each blocking rule proposed"),
        ("/quality/groups", "By source: how children are linked"),
        ("/administration/people", "People"),
        ("/administration/keys", "Keys"),
        ("/administration/sources", "Sources and their agreements"),
        ("/administration/work", "Done or cancelled lately"),
    ],
)
def test_of_a_list_a_phone_shows_all_of_each_row(
    open_page: Open, shared_site: Site, path: str, name: str
) -> None:
    extract_samples.waiting(shared_site)
    sample = SAMPLES[path]
    assert sample.role is not None
    page = open_page(shared_site, as_=shared_site.person(sample.role), size=PHONE)
    page.goto(sample.address(shared_site))
    if path == "/children":
        search(page)
    listed = page.get_by_role("region", name=name)
    expect(listed).to_be_visible()
    assert too_long(listed) == []
    heads = page.get_by_role("table", name=name).locator("thead th").all_inner_texts()
    row = listed.locator("tbody tr").first
    told = row.locator("td").evaluate_all("all => all.map(one => one.dataset.title)")
    titled = row.locator("th").count()
    assert told == heads[titled:]
    assert overprinted(page) == []
    assert violations(page) == []


def test_a_card_of_a_group_is_no_longer_than_what_it_tells(
    open_page: Open, shared_site: Site
) -> None:
    page = open_page(shared_site, as_=shared_site.person(Role.STEWARD), size=PHONE)
    page.goto(SAMPLES["/quality/groups"].address(shared_site))
    cards = page.get_by_role("region", name="By source: how children are linked").locator(
        "tbody tr"
    )
    heights = cards.evaluate_all("all => all.map(one => one.getBoundingClientRect().height)")
    assert heights and max(heights) < 300
    told = cards.first.locator("td").evaluate_all(
        "all => all.filter(one => one.getClientRects().length).map(one => one.innerText)"
    )
    assert len(told) >= 4 and "Too few to say" not in told[4:]


def test_what_is_said_of_a_field_begins_where_its_name_does(
    open_page: Open, site: Site, register: Reviewed
) -> None:
    with writing(register.engine) as connection:
        connection.execute(update(RecordVersion).values(upn="B207000016049"))
    page = open_page(site, as_=site.person(Role.REVIEWER), size=(1280, 900))
    page.goto("/review")
    page.get_by_role("button", name="Start reviewing").click()
    lefts = page.locator("#field-upn th").evaluate(
        """cell => [cell.firstChild, cell.querySelector('.app-compare__found')].map(one => {
          const range = document.createRange()
          range.selectNodeContents(one)
          return range.getClientRects()[0].left
        })"""
    )
    assert lefts[0] == lefts[1]


def test_the_answers_and_their_reason_cover_each_other_nowhere(open_page: Open, site: Site) -> None:
    page = open_page(site, as_=site.person(Role.REVIEWER), size=(1280, 650))
    page.goto("/review")
    page.get_by_role("button", name="Start reviewing").click()
    covered = page.get_by_label("Reason").evaluate(
        """reason => {
          const covered = []
          for (let to = 0; to < document.body.scrollHeight; to += 20) {
            scrollTo(0, to)
            const box = reason.getBoundingClientRect()
            const within = [box.top + 3, box.bottom - 3].filter(y => y > 0 && y < innerHeight)
            if (within.some(y => document.elementFromPoint(box.left + 20, y) !== reason))
              covered.push(to)
          }
          return covered
        }"""
    )
    assert covered == []


@pytest.mark.parametrize("script", [True, False], ids=["script", "no script"])
@pytest.mark.parametrize("size", [(900, 800), (1280, 900), (1600, 900), (390, 844)], ids=str)
def test_what_is_said_of_a_reason_stands_apart_from_all_around_it(
    open_page: Open, site: Site, size: tuple[int, int], script: bool
) -> None:
    page = open_page(site, as_=site.person(Role.REVIEWER), size=size, script=script)
    page.goto("/review")
    page.get_by_role("button", name="Start reviewing").click()
    said = "You can enter up to 2,000 characters"
    if script:
        page.get_by_label("Reason").fill("x" * 1990)
        said = "You have 10 characters remaining"
    parts = [
        page.locator("label[for=why]"),
        page.get_by_text("You can leave this empty."),
        page.get_by_label("Reason"),
        page.locator(".govuk-character-count__message:not(.govuk-visually-hidden)"),
        page.locator(".app-answers__buttons"),
    ]
    expect(parts[3]).to_have_text(said)
    boxes = [one.bounding_box() for one in parts]
    spans = [(box["y"], box["y"] + box["height"]) for box in boxes if box]
    assert len(spans) == len(parts)
    # The hint may stand beside the label; all else stands below what comes before it.
    for above, below in pairwise(spans[1:]):
        assert above[1] <= below[0]
    label, hint = boxes[0], boxes[1]
    assert label and hint
    assert spans[0][1] <= spans[1][0] or label["x"] + label["width"] <= hint["x"]


def test_of_a_measure_a_phone_shows_all_figures(
    open_page: Open, site: Site, register: Reviewed
) -> None:
    keep(register)
    page = open_page(site, as_=site.person(Role.MEASURES_READER), size=PHONE)
    page.goto("/measures")
    table = page.get_by_role("table")
    assert too_long(page.get_by_role("region", name="Figures: ")) == []
    heads = table.locator("thead th").all_inner_texts()
    told = table.locator("tbody tr").first.locator("td")
    assert told.evaluate_all("all => all.map(one => one.dataset.title)") == heads[1:]
    assert overprinted(page) == []
    assert violations(page) == []


def test_of_a_preview_a_phone_shows_what_is_now_and_then(open_page: Open, site: Site) -> None:
    address = preview(site)
    do_work(site.service)
    page = open_page(site, as_=site.person(Role.STEWARD), size=PHONE)
    page.goto(address)
    for caption in ("Links and what waits for people", "How measures would move"):
        frame = page.get_by_role("region", name=caption)
        expect(frame).to_have_count(1)
        assert too_long(frame) == [], caption
        heads = frame.locator("thead th").all_inner_texts()
        told = frame.locator("tbody tr").first.locator("td")
        assert told.evaluate_all("all => all.map(one => one.dataset.title)") == heads[1:], caption
    assert overprinted(page) == []
    assert violations(page) == []


def test_what_a_record_does_not_have_leaves_room_for_what_it_has(
    open_page: Open, engine: Engine, tmp_path: Path
) -> None:
    register = Reviewed(engine, tmp_path)
    register.begin(with_values(UNSURE, date_of_birth="", address="4 Hill St", postcode="OL1 4DD"))
    with serving(register.engine) as site:
        page = open_page(site, as_=site.person(Role.STEWARD), size=PHONE)
        page.goto(f"/review/clusters/{pair_of(site, UNSURE, AISHA[0])}")
        expect(page.get_by_role("row", name="Clinic 3")).to_contain_text("4 Hill St")
        assert overprinted(page) == []


@pytest.mark.parametrize("size", [(1280, 800), (320, 640)], ids=["desktop", "small phone"])
def test_children_to_choose_are_legible_however_long_their_names(
    open_page: Open, engine: Engine, tmp_path: Path, size: tuple[int, int]
) -> None:
    register = Reviewed(engine, tmp_path)
    register.begin([*PEOPLE, *BOYS])
    with serving(register.engine) as site:
        page = open_page(site, as_=site.person(Role.STEWARD), size=size)
        page.goto(f"/review/clusters/{pair_of(site, ('school', '21'), ('clinic', '22'))}")
        lists = page.locator("select")
        expect(lists.first.locator("option")).to_have_text(["Child A", "Child B", "A new child"])
        assert cut_choices(lists) == []
        legend = page.locator("#children")
        for letter, born in (("A", "28 September 2017"), ("B", "30 December 2011")):
            told = legend.locator(".govuk-summary-list__row", has_text=f"Child {letter}")
            expect(told).to_contain_text(f"{LONG} Patel, born {born}")
        assert too_long(legend.locator("dt, dd")) == []
        assert not wider_than_screen(page)
        assert too_long(page.get_by_role("region").filter(has=lists)) == []
        assert violations(page) == []
        lists.first.select_option("Child B")
        page.get_by_role("button", name="See the change").click()
        expect(page.get_by_role("heading", name="Children as they would be")).to_be_visible()
        assert not wider_than_screen(page)
        assert too_long(page.locator("caption")) == []


def test_what_leads_to_a_list_is_as_large_as_the_list(
    open_page: Open, site: Site, register: Reviewed
) -> None:
    other = {**PEOPLE[1], "record_id": "4", "address": "9 Dale Rd"}
    register.load_people([*PEOPLE, other])
    register.holds_each_child_once("clinic")
    register.say("match", AISHA[0], AISHA[1])
    register.say("match", AISHA[2], ("clinic", "4"))
    page = open_page(site, as_=site.person(Role.STEWARD))
    page.goto("/review?kind=refused_link")
    page.get_by_role("button", name="Start reviewing").click()
    lead = page.get_by_text("would hold that child twice:")
    sizes = {
        one.first.evaluate("one => getComputedStyle(one).fontSize")
        for one in (lead, page.locator("#twice ~ ul").first.locator("li"))
    }
    assert len(sizes) == 1


def broken_words(found: Locator) -> list[str]:
    """Words that go on in a second line, as one that does not fit does."""
    words: list[str] = found.evaluate(
        r"""box => {
          const broken = [], walk = document.createTreeWalker(box, NodeFilter.SHOW_TEXT)
          while (walk.nextNode()) {
            const node = walk.currentNode, range = document.createRange()
            for (const word of node.textContent.matchAll(/[^\s\/-]+/g)) {
              range.setStart(node, word.index)
              range.setEnd(node, word.index + word[0].length)
              if (new Set([...range.getClientRects()].map(one => Math.round(one.top))).size > 1)
                broken.push(word[0])
            }
          }
          return broken
        }"""
    )
    return words


def least_gap(found: Locator) -> float:
    """How many pixels are between the texts of the two values that stand closest, of one row."""
    gap: float = found.evaluate(
        """box => Math.min(...[...box.querySelectorAll('tbody tr')].map(row => {
          const ends = [...row.querySelectorAll('td')].map(cell => {
            const range = document.createRange()
            range.selectNodeContents(cell)
            return range.getBoundingClientRect()
          })
          return ends[1].left - ends[0].right
        }))"""
    )
    return gap


# In two systems with long names: what does not fit beside the name of its field.
LONG_NAMED = [
    {**PEOPLE[0], "source": "early_years_registrations", "record_id": "20180404",
     "forename": "Alexandrina", "surname": "Featherstone"},
    {**PEOPLE[4], "source": "children_centres", "record_id": "20180405",
     "forename": "Alexandrina", "surname": "Weatherington"},
]  # fmt: skip


def test_no_word_of_two_records_is_broken_on_a_phone(
    open_page: Open, engine: Engine, tmp_path: Path
) -> None:
    register = Reviewed(engine, tmp_path)
    register.begin([*PEOPLE, *LONG_NAMED])
    ends = [(one["source"], one["record_id"]) for one in LONG_NAMED]
    with serving(register.engine) as site:
        page = open_page(site, as_=site.person(Role.SENIOR_REVIEWER), size=(375, 812))
        page.goto(f"/matching/pairs/{pair_of(site, *ends)}")
        page.goto("/review")
        for _ in range(len(register.waiting())):
            page.get_by_role("button", name=re.compile("Start reviewing|Next pair")).click()
            compared = page.get_by_role("table", name="The two records, field by field")
            expect(compared).to_be_visible()
            assert broken_words(compared) == []
            assert least_gap(compared) >= 8
            assert not wider_than_screen(page)
            assert violations(page) == []
            page.get_by_role("button", name="Cannot tell").click()
            expect(page.get_by_role("heading", level=1)).to_contain_text("Your answer")


@SIZES
def test_what_is_around_a_pair_is_not_cut(
    open_page: Open, engine: Engine, tmp_path: Path, size: tuple[int, int]
) -> None:
    register = Reviewed(engine, tmp_path)
    place = {
        "address": "Flat 12, Featherstonehaugh House, 104 Wellington Road",
        "postcode": "OL1 1AA",
    }
    people = [
        *PEOPLE,
        {**PEOPLE[0], "source": "early_years_registrations", "record_id": "20180404"},
    ]
    people = [
        {**one, "forename": "Aisha Mahnoor"} if one["source"] == "social" else one for one in people
    ]
    register.begin([{**one, **place} if one["surname"] == "Malik" else one for one in people])
    with serving(register.engine) as site:
        page = open_page(site, as_=site.person(Role.STEWARD), size=size)
        page.goto("/review")
        page.get_by_role("button", name="Start reviewing").click()
        around = page.get_by_role("region", name=re.compile("^Beside "))
        expect(around.first).to_contain_text("Featherstonehaugh House")
        assert too_long(around) == []
        assert overprinted(page) == []
        assert not wider_than_screen(page)


def test_a_list_of_records_shows_twelve_systems_on_a_screen(
    open_page: Open, engine: Engine, tmp_path: Path
) -> None:
    names = (
        "admissions", "early_help", "profile_results", "funded_places", "health_visiting",
        "libraries", "nursery_education", "safeguarding",
    )  # fmt: skip
    said = {"forename": "Christopher-James", "surname": "Featherstonehaugh",
            "address": "Flat 12, 104 Wellington Road"}  # fmt: skip
    register = Reviewed(engine, tmp_path)
    register.begin([*PEOPLE, *({**PEOPLE[0], **said, "source": one} for one in names)])
    with serving(register.engine) as site:
        page = open_page(site, as_=site.person(Role.STEWARD), size=(1280, 800))
        page.goto("/matching?base=admissions")
        listed = page.get_by_role("region", name="All records in Admissions: 1")
        expect(listed.get_by_role("columnheader")).to_have_count(7 + 12)
        assert too_long(listed) == []
        assert broken_words(listed) == []
        assert violations(page) == []


def test_all_of_a_child_s_page_begins_and_ends_at_the_same_lines(
    open_page: Open, shared_site: Site
) -> None:
    page = open_page(shared_site, as_=shared_site.person(Role.STEWARD), size=(1280, 800))
    page.goto(SAMPLES["/children/{child_id}"].address(shared_site))
    records = page.get_by_role("region", name="Records of this child, by system").bounding_box()
    golden = page.locator(".govuk-summary-list").first.bounding_box()
    assert records is not None and golden is not None
    assert (records["x"], records["width"]) == (golden["x"], golden["width"])
    assert too_long(page.get_by_role("region")) == []
