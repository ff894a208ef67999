"""The rules that a register keeps, whatever the software ships by now."""

from sqlalchemy import insert, select, update

from api.db.engine import writing
from api.db.models import RuleSet, Run
from api.services.register.kept_rules import last_rules
from api.services.rules import POLICIES
from tests.register_service.registers import NOW, shipped
from tests.register_service.reviewed import Reviewed


def test_rules_kept_by_a_version_that_knew_fewer_files_still_hold(register: Reviewed) -> None:
    """What a later version needs besides is as it ships it."""
    with writing(register.engine) as connection:
        row = connection.execute(select(RuleSet.hash, RuleSet.files)).one()
        files = {name: text for name, text in row.files.items() if name not in POLICIES}
        connection.execute(insert(RuleSet).values(hash="earlier", files=files, first_used_at=NOW))
        connection.execute(update(Run).values(rules="earlier"))
        found = last_rules(connection)
    assert found.book.content_hash == "earlier"
    assert found.book.review == shipped().book.review
