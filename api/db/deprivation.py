"""How deprived the place of a postcode is, by the published lookup that a council loads."""

from sqlalchemy import SmallInteger
from sqlalchemy.orm import Mapped, mapped_column

from api.db.tables import Name, Table


class PostcodeDeprivation(Table):
    """The decile of the Index of Multiple Deprivation of a postcode: 1 is the most deprived."""

    __tablename__ = "postcode_deprivation"

    postcode: Mapped[Name] = mapped_column(primary_key=True)
    decile: Mapped[int] = mapped_column(SmallInteger)
