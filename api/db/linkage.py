"""What linking found out and must remember: runs, keys, counts, pairs.

All but the runs is the present state, made anew from records, rules and model at will.
Texts are kept as 64-bit hashes here, so that these tables are narrow and hold no values.
"""

from enum import StrEnum

from sqlalchemy import BigInteger, ForeignKey, Index, SmallInteger, text
from sqlalchemy.orm import Mapped, mapped_column

from api.db.tables import Detail, Hash, Id, Moment, Name, Number, Table


def _some(column: str, where: str, *order: str) -> Index:
    """An index of the few rows for which a flag is set."""
    return Index(
        f"ix_pair_{column}_set", *order, sqlite_where=text(where), postgresql_where=text(where)
    )


class RunKind(StrEnum):
    """What a run was for."""

    LINK = "link"  # extracts
    UNDO = "undo"  # of extracts
    DECISION = "decision"  # and corrections
    RECORD = "record"  # one alone
    RELINK = "relink"  # of everything, by other rules
    ERASURE = "erasure"


class Run(Table):
    """One execution of linkage over the register.

    ``population`` is what the run took as given of all records (priors, sizes); ``counts``
    what it found.
    """

    __tablename__ = "run"

    id: Mapped[Id]
    kind: Mapped[Name]  # of RunKind
    at: Mapped[Moment]
    by: Mapped[Name]
    rules: Mapped[Hash] = mapped_column(ForeignKey("rule_set.hash"))
    model: Mapped[Hash] = mapped_column(ForeignKey("model_file.hash"))
    population: Mapped[Detail]
    counts: Mapped[Detail]


class BlockingKey(Table):
    """That a record of a child shows a key (see `matcher.keys`)."""

    __tablename__ = "blocking_key"

    key: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    record: Mapped[int] = mapped_column(Number, primary_key=True, autoincrement=False)

    __table_args__ = ({"sqlite_with_rowid": False},)


class Claim(Table):
    """How many records say ``what``: counts children without linking them.

    ``kind`` is what the claim is of (a forename, a year of birth) and ``what`` a hash of that
    and of what tells children apart. See `matcher.population`.
    """

    __tablename__ = "claim"

    kind: Mapped[int] = mapped_column(Number, primary_key=True, autoincrement=False)
    what: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    records: Mapped[int] = mapped_column(Number)

    __table_args__ = ({"sqlite_with_rowid": False},)


class ClaimCount(Table):
    """How many different claims there are of a name or a year: its children."""

    __tablename__ = "claim_count"

    kind: Mapped[int] = mapped_column(Number, primary_key=True, autoincrement=False)
    of: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    children: Mapped[int] = mapped_column(Number)

    __table_args__ = ({"sqlite_with_rowid": False},)


class Pair(Table):
    """A pair whose evidence reaches the floor, or that is kept apart; l is first in key order.

    ``group`` is the number of the source that holds both, or 0. ``pattern`` is the tuple of
    levels as one number (see `matcher.patterns`). ``evidence``, ``company`` and ``weight``
    are in bits. The rest is 0 or 1: whether a level keeps the two apart; whether the pair
    is a link that was followed, whether it waits for a person, whether it has a rival, and
    whether company may count for it because it would join two children. ``turn`` is
    where a pair that waits stands: the smallest comes first (see `matcher.worth`).
    """

    __tablename__ = "pair"

    l: Mapped[int] = mapped_column(Number, primary_key=True, autoincrement=False)
    r: Mapped[int] = mapped_column(Number, primary_key=True, autoincrement=False)
    group: Mapped[int] = mapped_column(Number)
    pattern: Mapped[int] = mapped_column(BigInteger)
    evidence: Mapped[float]
    apart: Mapped[int] = mapped_column(SmallInteger)
    company: Mapped[float]
    weight: Mapped[float]
    link: Mapped[int] = mapped_column(SmallInteger)
    waiting: Mapped[int] = mapped_column(SmallInteger)
    rival: Mapped[int] = mapped_column(SmallInteger)
    open: Mapped[int] = mapped_column(SmallInteger)
    turn: Mapped[float]

    __table_args__ = (
        # With what is asked of the pairs of a second record, which lie all over the table.
        Index(None, "r", "evidence", "company", "group", "apart"),
        _some("group", '"group" > 0', "l"),
        # With "waiting" itself, so that those that wait can be counted from the index alone.
        _some("waiting", "waiting = 1", "turn", "l", "r", "waiting"),
        _some("open", "open = 1", "l"),
        {"sqlite_with_rowid": False},
    )


class EvidenceCount(Table):
    """How many pairs have how much evidence, by group: what the prior is estimated from."""

    __tablename__ = "evidence_count"

    group: Mapped[int] = mapped_column(Number, primary_key=True, autoincrement=False)
    bin: Mapped[int] = mapped_column(Number, primary_key=True, autoincrement=False)
    pairs: Mapped[int] = mapped_column(Number)
