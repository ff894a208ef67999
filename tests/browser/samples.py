"""For every page an address at which it has content, and who looks at it.

A test compares this with the routes of the application, so that no page is forgotten.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from playwright.sync_api import Page
from sqlalchemy import func, select

from api.db.engine import reading, writing
from api.db.models import Golden, Membership
from api.services.access.roles import Role
from api.services.deprivation import load_lookup
from api.services.previews import Wanted, ask_for_preview
from api.services.register.shielding import shield
from api.services.review.sampling import draw_pairs, enter_sample
from tests.browser import administered, extract_samples, review_samples
from tests.browser.site import Site
from tests.register_service.registers import Register, shipped
from tests.register_service.reviewed import NOAH, Reviewed


@dataclass(frozen=True)
class Sample:
    """``role`` is None for pages that are seen before signing in."""

    address: Callable[[Site], str]
    role: Role | None = Role.STEWARD
    purposes: tuple[str, ...] = ("early_years",)
    cleared: bool = False


def at(address: str, role: Role | None = Role.STEWARD, **more: tuple[str, ...]) -> Sample:
    """A page that is at one address in every register."""
    return Sample(lambda _: address, role, **more)


def child(site: Site) -> str:
    """One of whom several systems have records."""
    with reading(site.engine) as connection:
        found = connection.execute(
            select(Membership.child)
            .where(Membership.to_run.is_(None))
            .group_by(Membership.child)
            .order_by(func.count().desc(), Membership.child)
            .limit(1)
        ).scalar_one()
    return f"/children/{found}"


def corrected(site: Site) -> str:
    """A value of a child that a person set by hand, to be let go."""
    register = Reviewed(site.engine, Path())
    register.correct(NOAH, "surname", "Birch")
    return f"/children/{register.child(NOAH)}/release?field=surname"


def shielded(site: Site) -> str:
    """One who lives where only those who are cleared may know."""
    with writing(site.engine) as connection:
        now = datetime.now(UTC)
        shield(connection, record=NOAH, why="a test", by="test", now=now)
    return f"/children/{Reviewed(site.engine, Path()).child(NOAH)}"


def preview(site: Site) -> str:
    """One that waits to be worked out."""
    with writing(site.engine) as connection:
        wanted = Wanted(lower=0.0)
        number = ask_for_preview(connection, wanted, by="test", now=datetime.now(UTC))
    return f"/quality/previews/{number}"


def sampled(site: Site) -> str:
    """With a sample that nobody answered yet, and one before it."""
    thresholds = shipped().book.linkage.matching.thresholds
    for seed in (1, 2):
        with writing(site.engine) as connection:
            drawn = draw_pairs(connection, thresholds, size=100, seed=seed)
            enter_sample(connection, drawn, by="test", now=datetime.now(UTC))
    return "/quality/samples"


def groups(site: Site) -> str:
    """With deprivation, since a lookup of the register's own postcodes is loaded."""
    with writing(site.engine) as connection, TemporaryDirectory() as folder:
        known = select(Golden.postcode).where(Golden.postcode.is_not(None)).distinct()
        rows = [f"{code},{1 + at % 10}" for at, code in enumerate(connection.scalars(known))]
        path = Path(folder) / "lookup.csv"
        path.write_text("\n".join(["Postcode,IMD Decile", *rows]), encoding="utf-8")
        values = shipped().book.linkage.values
        load_lookup(connection, path, values, by="test", now=datetime.now(UTC))
    return "/quality/groups"


def aishas(site: Site) -> tuple[int, int]:
    """A record of a school, and one of a clinic that may be the same child's."""
    with reading(site.engine) as connection:
        ids = Register.ids(connection)
    return ids["school", "1"], ids["clinic", "3"]


def matching_record(site: Site) -> str:
    """One with matched records and possible matches."""
    return f"/matching/records/{aishas(site)[0]}?criteria=forename4&criteria=dob"


def matching_pair(site: Site) -> str:
    """One that is not decided."""
    low, high = sorted(aishas(site))
    return f"/matching/pairs/{low}-{high}?record={aishas(site)[0]}"


# By the route's path.
SAMPLES: Mapping[str, Sample] = {
    "/": at("/"),
    "/sign-in": at("/sign-in", None),
    "/invitations/{token}": Sample(lambda site: site.reinvitation(), None),
    "/account": at("/account"),
    "/children": at("/children"),
    "/children/{child_id}": Sample(child),
    "/children/{child_id}/correct": Sample(lambda site: child(site) + "/correct"),
    "/children/{child_id}/release": Sample(corrected),
    "/children/{child_id}/history": Sample(lambda site: child(site) + "/history"),
    "/children/{child_id}/journey": Sample(lambda site: child(site) + "/journey"),
    "/children/{child_id}/why": Sample(lambda site: child(site) + "/why"),
    "/matching": at("/matching?base=registry"),
    "/matching/pairs/{pair}": Sample(matching_pair),
    "/matching/records/{number}": Sample(matching_record),
    "/administration": at("/administration"),
    "/administration/agreements/{number}": Sample(administered.agreement),
    "/administration/keys": Sample(lambda site: administered.key(site).rpartition("/")[0]),
    "/administration/keys/made": at("/administration/keys/made"),
    "/administration/keys/new": at("/administration/keys/new"),
    "/administration/keys/{number}": Sample(administered.key),
    "/administration/people": at("/administration/people"),
    "/administration/people/link": at("/administration/people/link"),
    "/administration/people/new": at("/administration/people/new"),
    "/administration/people/{number}": Sample(administered.person),
    "/administration/people/{number}/end": Sample(lambda site: administered.person(site) + "/end"),
    "/administration/retention": Sample(administered.retention),
    "/administration/retention/child": at("/administration/retention/child"),
    "/administration/retention/due": Sample(lambda site: administered.retention(site) + "/due"),
    "/administration/retention/erase": Sample(lambda site: administered.retention(site) + "/erase"),
    "/administration/retention/holds/{number}": Sample(administered.hold),
    "/administration/sources": Sample(
        lambda site: administered.ended_source(site).rpartition("/")[0]
    ),
    "/administration/sources/{number}": Sample(administered.ended_source),
    "/administration/sources/{number}/new": Sample(
        lambda site: administered.ended_source(site) + "/new"
    ),
    "/administration/subject-access": at("/administration/subject-access"),
    "/administration/webhooks": Sample(lambda site: administered.webhook(site).rpartition("/")[0]),
    "/administration/webhooks/{number}": Sample(administered.webhook),
    "/administration/work": Sample(administered.work),
    "/audit": Sample(administered.audit, Role.AUDITOR),
    "/extracts": Sample(lambda site: extract_samples.waiting(site).rpartition("/")[0]),
    "/extracts/new": at("/extracts/new"),
    "/extracts/new/file": at("/extracts/new/file?source=swift&as_of=2024-09-01&mode=snapshot"),
    "/extracts/{extract}": Sample(extract_samples.waiting),
    "/extracts/{extract}/columns": Sample(extract_samples.strange),
    "/extracts/{extract}/rejects": Sample(lambda site: extract_samples.waiting(site) + "/rejects"),
    "/measures": at("/measures"),
    "/quality": at("/quality?lower=0&upper=6"),
    "/quality/blocking": at("/quality/blocking"),
    "/quality/decided": at("/quality/decided"),
    "/quality/groups": Sample(groups),
    "/quality/previews": Sample(lambda site: preview(site).rpartition("/")[0]),
    "/quality/previews/{number}": Sample(preview),
    "/quality/samples": Sample(sampled),
    "/review": at("/review"),
    "/review/answers/{number}": Sample(review_samples.answer_given, Role.SENIOR_REVIEWER),
    "/review/clusters/{pair}": Sample(review_samples.cluster),
    "/review/known": at("/review/known"),
    "/review/pairs/{pair}": Sample(review_samples.pair_in_hand),
    "/review/reviewers": at("/review/reviewers"),
    "/purpose": at("/purpose", purposes=("early_years", "education")),
}

# Pages that look otherwise to some people.
SEEN_BY: Mapping[str, Sample] = {
    "a shielded child, by a senior reviewer": Sample(shielded, Role.SENIOR_REVIEWER),
    "a shielded child, by a steward": Sample(shielded),
    "a shielded child, by somebody who is cleared": Sample(shielded, cleared=True),
}


def search(page: Page) -> None:
    page.get_by_label("Surname").fill("Quigley")
    page.get_by_role("button", name="Search").click()
    page.get_by_text("Children found").wait_for()


def press(name: str, then: str) -> Callable[[Page], None]:
    """Send a form as it is, and wait for what is on the next page."""

    def press_(page: Page) -> None:
        page.get_by_role("button", name=name).click()
        page.get_by_text(then).first.wait_for()

    return press_


# What forms lead to without another address: what was found, and what is wrong.
ANSWERS: Mapping[str, tuple[Sample, Callable[[Page], None]]] = {
    "children found": (at("/children"), search),
    "nobody to look for": (at("/children"), press("Search", "There is a problem")),
    "an empty correction": (
        Sample(lambda site: child(site) + "/correct?field=date_of_birth"),
        press("Save the correction", "There is a problem"),
    ),
    "no source": (at("/extracts/new"), press("Continue", "There is a problem")),
    "a wrong password": (at("/sign-in", None), press("Sign in", "There is a problem")),
}
