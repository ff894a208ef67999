"""People review pairs in a browser: by keyboard alone, without script, and one after the other."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, expect
from sqlalchemy import Engine, func, select

from api.db.engine import reading
from api.db.models import ReviewAnswer
from api.services.access.roles import Role
from tests.browser.conftest import Open
from tests.browser.review_samples import CROWD, TRICKS, TURNED, pair_of
from tests.browser.site import DESKTOP, PHONE, Site, picture, serving, violations, wider_than_screen
from tests.databases import Databases
from tests.register_service.reviewed import AISHA, UNSURE, Reviewed, reviewed, with_values

SIZES = pytest.mark.parametrize("size", [DESKTOP, PHONE], ids=["desktop", "phone"])


@pytest.fixture
def crowded(databases: Databases, tmp_path: Path) -> Iterator[Site]:
    """A site over a register in which more than twenty pairs wait."""
    with reviewed(databases, tmp_path, CROWD) as register, serving(register.engine) as found:
        yield found


def tab_to(page: Page, name: str) -> None:
    """Go on with the tabulator until a button of this name has the focus."""
    for _ in range(80):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.innerText || ''").strip().startswith(name):
            return
    raise AssertionError(f"the tabulator does not lead to {name}")


def press(page: Page, key: str) -> None:
    """A single key, once the page hears it."""
    page.wait_for_load_state()
    page.keyboard.press(key)


def answers(site: Site, state: str | None = None) -> dict[str, int]:
    """How many answers there are, by what they say."""
    query = select(ReviewAnswer.kind, func.count()).group_by(ReviewAnswer.kind)
    if state is not None:
        query = query.where(ReviewAnswer.state == state)
    with reading(site.engine) as connection:
        return {kind: count for kind, count in connection.execute(query)}  # noqa: C416


def test_twenty_pairs_are_decided_by_keyboard_alone(open_page: Open, crowded: Site) -> None:
    page = open_page(crowded, as_=crowded.person(Role.REVIEWER))
    page.goto("/review")
    tab_to(page, "Start reviewing")
    page.keyboard.press("Enter")
    for turn in range(20):
        expect(page.get_by_role("heading", level=1)).to_have_text("Are these one child?")
        press(page, "mnc"[turn % 3])
        expect(page.get_by_role("heading", level=1)).to_contain_text("Your answer")
        expect(page.get_by_role("button", name="Next pair")).to_be_focused()
        if turn < 19:
            page.keyboard.press("Enter")
    assert answers(crowded) == {"match": 7, "non_match": 7, "cannot_tell": 6}
    press(page, "u")
    expect(page.get_by_role("alert")).to_contain_text("Your answer is undone")
    assert answers(crowded, "void") == {"non_match": 1}
    expect(page.get_by_role("heading", level=1)).to_have_text("Are these one child?")
    press(page, "n")
    expect(page.get_by_role("heading", level=1)).to_contain_text("Your answer: not a match")
    assert answers(crowded) == {"match": 7, "non_match": 8, "cannot_tell": 6}


def test_an_answer_is_undone_by_key_from_the_next_pair(open_page: Open, crowded: Site) -> None:
    page = open_page(crowded, as_=crowded.person(Role.REVIEWER))
    page.goto("/review")
    page.get_by_role("button", name="Start reviewing").click()
    expect(page.get_by_text("Undo my last answer")).to_have_count(0)
    first = page.url
    press(page, "m")
    page.get_by_role("button", name="Next pair").click()
    expect(page.get_by_role("link", name="Undo my last answer")).to_be_visible()
    assert page.url != first
    press(page, "u")
    expect(page.get_by_label("Why you are undoing it")).to_be_visible()
    press(page, "u")
    expect(page.get_by_role("alert")).to_contain_text("Your answer is undone")
    assert page.url == first
    assert answers(crowded, "void") == {"match": 1}


def test_without_single_keys_the_tabulator_leads_to_every_answer(
    open_page: Open, site: Site
) -> None:
    page = open_page(site, as_=site.person(Role.REVIEWER))
    page.goto("/account")
    page.get_by_role("radio", name="Off", exact=True).check()
    page.get_by_role("button", name="Save", exact=True).click()
    page.goto("/review")
    page.get_by_role("button", name="Start reviewing").click()
    expect(page.locator("kbd")).to_have_count(0)
    press(page, "m")
    for name in ("Match", "Not a match", "Cannot tell", "Refer", "Skip"):
        tab_to(page, name)
    expect(page.get_by_role("heading", level=1)).to_have_text("Are these one child?")
    for _ in range(3):
        page.keyboard.press("Shift+Tab")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Your answer: not a match")


def test_keys_are_letters_while_a_reason_is_written(open_page: Open, site: Site) -> None:
    page = open_page(site, as_=site.person(Role.REVIEWER))
    page.goto("/review")
    page.get_by_role("button", name="Start reviewing").click()
    page.get_by_label("Reason").press_sequentially("same mum")
    expect(page.get_by_label("Reason")).to_have_value("same mum")
    page.get_by_role("button", name="Not a match").click()
    expect(page.get_by_text("Reason: same mum")).to_be_visible()


def test_the_key_to_refer_asks_for_a_reason_first(open_page: Open, site: Site) -> None:
    page = open_page(site, as_=site.person(Role.REVIEWER))
    page.goto("/review")
    page.get_by_role("button", name="Start reviewing").click()
    press(page, "r")
    expect(page.get_by_label("Reason")).to_be_focused()
    page.get_by_role("button", name="Refer").click()
    expect(page.get_by_role("alert")).to_contain_text("Enter a reason")
    page.get_by_label("Reason").fill("I know this family")
    page.get_by_role("button", name="Refer").click()
    expect(page.get_by_role("alert")).to_contain_text("referred to senior reviewers")
    senior = open_page(site, as_=site.person(Role.SENIOR_REVIEWER))
    senior.goto("/review")
    senior.get_by_role("button", name="Start reviewing").click()
    expect(senior.get_by_text("I know this family")).to_be_visible()
    expect(senior).to_have_title("Are these one child? – Child register")


@SIZES
def test_a_pair_is_reviewed_and_taken_back(
    open_page: Open, site: Site, size: tuple[int, int]
) -> None:
    page = open_page(site, as_=site.person(Role.REVIEWER), size=size)
    page.goto("/review")
    page.get_by_role("button", name="Start reviewing").click()
    surname = page.get_by_role("row", name="Surname")
    expect(surname).to_contain_text("Differs")
    expect(surname.locator("mark").first).to_be_visible()
    expect(page.get_by_text("What each comparison weighs is shown when")).to_be_visible()
    expect(page.get_by_role("table", name="The parts of the weight")).to_have_count(0)
    picture(page, f"review-pair-{size[0]}")
    assert violations(page) == [] and not wider_than_screen(page)
    if size == DESKTOP:
        # Within reach although the page is longer; and whatever has the focus is not behind them.
        skip = page.get_by_role("button", name="Skip")
        assert page.evaluate("scrollY") == 0
        expect(skip).to_be_in_viewport(ratio=1)
        page.get_by_label("Reason").focus()
        boxes = [page.get_by_label("Reason").bounding_box(), skip.bounding_box()]
        assert boxes[0] and boxes[1] and boxes[0]["y"] + boxes[0]["height"] <= boxes[1]["y"]
    page.get_by_role("button", name="Match", exact=False).first.click()
    chart = page.get_by_alt_text("The parts of the weight as bars")
    expect(chart).to_be_visible()
    page.wait_for_function("[...document.images].every(one => one.complete && one.naturalWidth)")
    expect(page.get_by_role("table", name="The parts of the weight")).to_contain_text(
        "Date of birth"
    )
    expect(page.get_by_role("row", name="Surname").locator("mark").first).to_be_visible()
    picture(page, f"review-weights-{size[0]}")
    assert violations(page) == [] and not wider_than_screen(page)
    page.get_by_text("Undo this answer").click()
    page.get_by_label("Why you are undoing it").fill("I misread it")
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_role("alert")).to_contain_text("Your answer is undone")


@pytest.mark.parametrize(("size", "last"), [((1280, 800), "Date of birth"), (PHONE, "Surname")])
def test_what_is_compared_is_on_the_first_screen(
    open_page: Open, site: Site, register: Reviewed, size: tuple[int, int], last: str
) -> None:
    """Also of a contradiction, of which there is more to say than of any other pair."""
    register.say("match", AISHA[0], UNSURE, run=False)
    register.say("match", AISHA[0], AISHA[1], run=False)
    register.say("non_match", AISHA[1], UNSURE)
    page = open_page(site, as_=site.person(Role.REVIEWER), size=size)
    page.goto("/review")
    page.get_by_role("button", name="Start reviewing").click()
    expect(page.get_by_text("A match was decided on these two")).to_be_visible()
    assert page.evaluate("scrollY") == 0
    for name in ("Forename", "Surname", last):
        expect(page.get_by_role("row", name=name)).to_be_in_viewport(ratio=1)
    if size == PHONE:
        page.get_by_role("link", name="Go to your answer").click()
        expect(page.get_by_role("button", name="Not a match")).to_be_in_viewport(ratio=1)
    else:
        row = page.get_by_role("row", name=last).bounding_box()
        match = page.get_by_role("button", name="Not a match").bounding_box()
        assert row and match and row["y"] + row["height"] <= match["y"]


def test_all_of_it_works_without_script(open_page: Open, site: Site) -> None:
    page = open_page(site, as_=site.person(Role.REVIEWER), script=False)
    page.goto("/review")
    page.get_by_role("button", name="Start reviewing").click()
    expect(page.locator("kbd").first).to_be_hidden()
    page.get_by_role("button", name="Keep it for longer").click()
    page.get_by_label("Reason").fill("Her mother's name")
    page.get_by_role("button", name="Match").first.click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Your answer: match")
    expect(page.get_by_role("button", name="Next pair")).to_be_focused()
    page.get_by_text("Undo this answer").click()
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_role("alert")).to_contain_text("Your answer is undone")
    page.get_by_role("button", name="Skip").click()
    expect(page.get_by_role("heading", level=1)).to_be_visible()


def test_how_long_a_pair_is_theirs_is_told_without_being_asked(open_page: Open, site: Site) -> None:
    page = open_page(site, as_=site.person(Role.REVIEWER), alone=True)
    page.clock.install()
    page.goto("/review")
    page.get_by_role("button", name="Start reviewing").click()
    told = page.get_by_role("status")
    expect(told).to_have_text("")
    page.clock.run_for(10 * 60_000 + 5_000)
    expect(told).to_have_text("You have 5 minutes left.")
    page.clock.run_for(5 * 60_000)
    expect(told).to_contain_text("Your time is over")


def test_names_that_are_script_or_turn_the_text_show_as_text(
    open_page: Open, engine: Engine, tmp_path: Path
) -> None:
    register = Reviewed(engine, tmp_path)
    register.begin(with_values(UNSURE, address=f"{TRICKS} {TURNED}"))
    with serving(register.engine) as site:
        page = open_page(site, as_=site.person(Role.STEWARD))
        page.goto("/review")
        page.get_by_role("button", name="Start reviewing").click()
        address = page.get_by_role("row", name="Address").locator("td bdi").first
        expect(address).to_have_text(f"{TRICKS} {TURNED}")
        assert page.locator("main script").count() == 0
        assert "script" not in page.title() and "alert" not in page.url
        assert violations(page) == [] and not wider_than_screen(page)
        page.get_by_label("Reason").fill(f"{TRICKS} \u202ekrow\u200b")
        page.get_by_role("button", name="Not a match").click()
        expect(page.get_by_role("alert")).to_contain_text("Leave out what cannot be seen")
        page.get_by_label("Reason").fill(TRICKS)
        page.get_by_role("button", name="Not a match").click()
        expect(page.get_by_text("Your answer is kept.")).to_contain_text(TRICKS)
        assert page.locator("main script").count() == 0


def test_records_are_moved_between_children_once_the_change_is_seen(
    open_page: Open, site: Site, register: Reviewed
) -> None:
    assert not register.together(UNSURE, ("school", "1"))
    page = open_page(site, as_=site.person(Role.SENIOR_REVIEWER))
    pair = pair_of(site, UNSURE, ("school", "1"))
    page.goto(f"/review/clusters/{pair}")
    picture(page, "review-move-records")
    page.set_viewport_size({"width": 375, "height": 812})
    chosen = page.get_by_label("Child that Clinic 3 belongs to")
    expect(chosen.locator("option")).to_have_text(["Child A", "Child B", "A new child"])
    # As a card, in which all is in sight.
    card = page.get_by_role("row", name="Clinic 3")
    for part in (chosen, card.get_by_text("Aisha Begum").last, card.get_by_text("3 May 2014")):
        box = part.bounding_box()
        assert box is not None and box["x"] >= 0 and box["x"] + box["width"] <= 375
    page.set_viewport_size({"width": 1280, "height": 900})
    chosen.select_option(register.child(("school", "1")))
    page.get_by_role("button", name="See the change").click()
    expect(page.get_by_role("table", name="1 decision")).to_contain_text("Match")
    assert violations(page) == [] and not wider_than_screen(page)
    page.get_by_role("button", name="Confirm the change").click()
    expect(page.get_by_role("alert")).to_contain_text("Enter a reason")
    page.get_by_label("Reason").fill("One girl, two surnames")
    page.get_by_role("button", name="Confirm the change").click()
    expect(page.get_by_role("alert")).to_contain_text("1 decision is entered")
    register.run()
    assert register.together(UNSURE, ("school", "1"))
