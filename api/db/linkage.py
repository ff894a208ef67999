"""What linking found out and must remember: runs, keys, counts, pairs.

All but the runs is the present state, made anew from records, rules and model at will.
Texts are kept as 64-bit hashes here, so that these tables are narrow and hold no values.
"""

from sqlalchemy import BigInteger, ForeignKey, Index
from sqlalchemy.orm import Mapped, mapped_column

from api.db.tables import Detail, Hash, Id, Moment, Name, Number, Table


class Run(Table):
    """One execution of linkage over the register.

    ``population`` is what the run took as given of all records (priors, sizes); ``counts``
    what it found.
    """

    __tablename__ = "run"

    id: Mapped[Id]
    kind: Mapped[Name]  # link, decision, relink, undo
    at: Mapped[Moment]
    by: Mapped[Name]
    rules: Mapped[Hash] = mapped_column(ForeignKey("rule_set.hash"))
    model: Mapped[Hash] = mapped_column(ForeignKey("model_file.hash"))
    population: Mapped[Detail]
    counts: Mapped[Detail]


class BlockingKey(Table):
    """That a record of a child shows a key. ``columns`` numbers the list of columns in it."""

    __tablename__ = "blocking_key"

    columns: Mapped[int] = mapped_column(Number, primary_key=True, autoincrement=False)
    key: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    record: Mapped[int] = mapped_column(Number, primary_key=True, autoincrement=False)

    __table_args__ = (
        Index(None, "record"),
        {"sqlite_with_rowid": False},
    )


class Claim(Table):
    """How many records say ``what`` of a group: counts children without linking them.

    ``kind`` and ``of`` name the group (a forename, a year of birth), ``what`` is a hash of
    what tells its children apart. A group counts as many children as it has rows.
    """

    __tablename__ = "claim"

    kind: Mapped[int] = mapped_column(Number, primary_key=True, autoincrement=False)
    of: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    what: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    records: Mapped[int] = mapped_column(Number)

    __table_args__ = ({"sqlite_with_rowid": False},)


class ClaimCount(Table):
    """How many children each group of claims counts."""

    __tablename__ = "claim_count"

    kind: Mapped[int] = mapped_column(Number, primary_key=True, autoincrement=False)
    of: Mapped[int] = mapped_column(BigInteger, primary_key=True, autoincrement=False)
    children: Mapped[int] = mapped_column(Number)

    __table_args__ = ({"sqlite_with_rowid": False},)


class Pair(Table):
    """A pair whose evidence reaches the floor, or that is kept apart.

    ``pattern`` is the tuple of its levels as one number (see `matcher.patterns`).
    ``evidence``, ``company`` and ``weight`` are in bits. ``designation`` adds up what the
    last run that looked at it said: see `matcher.patterns`.
    """

    __tablename__ = "pair"

    l: Mapped[int] = mapped_column(Number, primary_key=True, autoincrement=False)
    r: Mapped[int] = mapped_column(Number, primary_key=True, autoincrement=False)
    pattern: Mapped[int] = mapped_column(BigInteger)
    evidence: Mapped[float]
    apart: Mapped[int] = mapped_column(Number)
    company: Mapped[float]
    weight: Mapped[float]
    designation: Mapped[int] = mapped_column(Number)

    __table_args__ = (
        Index(None, "r"),
        {"sqlite_with_rowid": False},
    )


class EvidenceCount(Table):
    """How many pairs have how much evidence, by group: what the prior is estimated from."""

    __tablename__ = "evidence_count"

    group: Mapped[int] = mapped_column(Number, primary_key=True, autoincrement=False)
    bin: Mapped[int] = mapped_column(Number, primary_key=True, autoincrement=False)
    pairs: Mapped[int] = mapped_column(Number)
