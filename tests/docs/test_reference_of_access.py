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
        ("works once, within seven days", accounts.INVITATION_LASTS == timedelta(days=7)),
        ("at least 12 characters", passwords.SHORTEST == 12),
        ("After five failures", attempts.FREE == 5),
        ("half a minute", attempts.FIRST_LOCK == timedelta(seconds=30)),
        ("a quarter of an hour", attempts.LONGEST_LOCK == timedelta(minutes=15)),
        ("after 30 minutes without use", signing_in.IDLE == timedelta(minutes=30)),
        ("after 12 hours", signing_in.LONGEST == timedelta(hours=12)),
        ("It lasts a year", keys.YEAR == timedelta(days=365)),
        ("goes on for seven days", keys.GRACE == timedelta(days=7)),
    ):
        assert said in text
        assert holds, said
