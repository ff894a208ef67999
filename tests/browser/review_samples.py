"""Addresses of review at which there is something to see, and a register in which much waits."""

from datetime import UTC, datetime

from sqlalchemy import func, select

from api.db.engine import reading, writing
from api.db.models import Record, ReviewAnswer, Source
from api.services.access.roles import Role
from api.services.review import leases
from api.services.review.answering import answer
from api.services.review.pairs import PairId
from api.services.review.state import state_of
from api.services.review.taking import take_next
from tests.browser.site import Site
from tests.register_service.reviewed import AISHA, UNSURE
from tests.review.desk import UNSURE_PEOPLE, person, rules, unsure

Key = tuple[str, str]

# A name that is script, and a street that is written from the right.
TRICKS = "<script>alert(1)</script>"
TURNED = "شارع النور"

_MORE_GIRLS = (
    ("Khadija", "Mahmood", "2013-09-17"),
    ("Safiyyah", "Anwar", "2014-03-08"),
    ("Umaymah", "Bashir", "2012-11-04"),
    ("Hawwaa", "Aziz", "2015-01-29"),
    ("Juwairiya", "Latif", "2013-04-12"),
    ("Raihanah", "Karim", "2011-06-27"),
    ("Nasreen", "Haque", "2014-12-05"),
    ("Tahmina", "Talukdar", "2012-05-21"),
    ("Shabnam", "Waheed", "2015-03-14"),
    ("Rukhsana", "Saleem", "2013-10-30"),
    ("Parveen", "Mirza", "2011-01-16"),
    ("Yasmin", "Ghani", "2014-04-24"),
    ("Farzana", "Mannan", "2012-09-08"),
    ("Lubna", "Sattar", "2015-07-11"),
    ("Mehreen", "Tariq", "2013-12-19"),
    ("Sidra", "Jameel", "2011-08-03"),
    ("Bushra", "Pasha", "2014-06-15"),
    ("Anam", "Gulzar", "2012-02-28"),
)
CROWD = [
    *UNSURE_PEOPLE,
    *(one for number, girl in enumerate(_MORE_GIRLS, 11) for one in unsure(number, *girl)),
]


def pair_of(site: Site, one: Key, other: Key) -> PairId:
    """Two records as their pages name them."""
    with reading(site.engine) as connection:
        found = {
            (source, key): number
            for number, source, key in connection.execute(
                select(Record.id, Source.name, Record.record_id)
                .join(Source, Source.number == Record.source)
                .where(Record.record_id.in_([one[1], other[1]]))
            )
        }
    return PairId.of(found[one], found[other])


def pair_in_hand(site: Site) -> str:
    """The next pair, in the hand of the steward who looks at pages."""
    reviewer = person(site.person(Role.STEWARD), senior=True)
    with reading(site.engine) as connection:
        lease = take_next(connection, site.service.aside, rules(), reviewer, now=datetime.now(UTC))
    assert lease is not None
    return f"/review/pairs/{lease.pair}"


def answer_given(site: Site) -> str:
    """A senior reviewer's answer to a pair that the register has linked already."""
    reviewer = person(site.person(Role.SENIOR_REVIEWER), senior=True)
    with reading(site.engine) as connection:
        number = connection.scalar(
            select(func.max(ReviewAnswer.id)).where(ReviewAnswer.by == reviewer.by)
        )
    if number is None:
        pair, now = pair_of(site, AISHA[0], AISHA[1]), datetime.now(UTC)
        with writing(site.engine) as connection:
            with writing(site.service.aside) as beside:
                lease = leases.take(
                    beside, pair, by=reviewer.by, kind="possible_link", known=None,
                    state=state_of(connection, pair), now=now, minutes=15,
                )  # fmt: skip
            assert lease is not None
            number = answer(
                connection, site.service.aside, rules(), reviewer, pair,
                kind="match", why="a test", token=lease.token, etag=lease.etag, now=now,
            ).answer  # fmt: skip
    return f"/review/answers/{number}"


def cluster(site: Site) -> str:
    """The children of a pair that waits."""
    return f"/review/clusters/{pair_of(site, AISHA[0], UNSURE)}"
