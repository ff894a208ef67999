"""The page on access says what holds: roles, permissions and times."""

import re
from datetime import timedelta

from api.services.access import accounts, attempts, keys, passwords, signing_in
from api.services.access.chain import LOGS
from api.services.access.roles import PERMISSIONS, Permission, Role
from tests.docs.test_reference import REFERENCE, listed, section


def test_every_role_is_described() -> None:
    assert listed("access.md", "Roles") == [role.value for role in Role]


def test_every_permission_is_listed_with_exactly_the_roles_that_have_it() -> None:
    shown = dict(
        re.findall(r"^\| `(\w+)` \| (.*) \|$", section("access.md", "Permissions"), re.MULTILINE)
    )
    assert list(shown) == [permission.value for permission in Permission]
    for permission in Permission:
        roles = [role for role in Role if permission in PERMISSIONS[role]]
        assert shown[permission] == ", ".join(f"`{role}`" for role in roles)


def test_both_logs_are_listed() -> None:
    assert listed("access.md", "The logs") == list(LOGS)


def test_the_times_and_lengths_that_the_page_tells_are_those_that_hold() -> None:
    text = " ".join((REFERENCE / "access.md").read_text(encoding="utf-8").split())
    for said, holds in (
        ("works once, within seven days", timedelta(days=7) == accounts.INVITATION_LASTS),
        ("at least 12 characters", passwords.SHORTEST == 12),
        ("After five failures", attempts.FREE == 5),
        ("half a minute", timedelta(seconds=30) == attempts.FIRST_LOCK),
        ("a quarter of an hour", timedelta(minutes=15) == attempts.LONGEST_LOCK),
        ("after 30 minutes without use", timedelta(minutes=30) == signing_in.IDLE),
        ("after 12 hours", timedelta(hours=12) == signing_in.LONGEST),
        ("It lasts a year", timedelta(days=365) == keys.YEAR),
        ("goes on for seven days", timedelta(days=7) == keys.GRACE),
    ):
        assert said in text
        assert holds, said
