"""The groups of pages at the top of every page, for those who may see them."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any

from api.services.access.roles import Permission


@dataclass(frozen=True, slots=True)
class Group:
    """Some pages that belong together; ``href`` is the first of them."""

    title: str
    href: str
    permission: Permission | None = None


GROUPS = (
    Group("Home", "/"),
    Group("Extracts", "/extracts", Permission.READ_EXTRACTS),
    Group("Matching", "/matching", Permission.READ_CHILDREN),
    Group("Review", "/review", Permission.REVIEW_PAIRS),
    Group("Children", "/children", Permission.READ_CHILDREN),
    Group("Quality", "/quality", Permission.READ_RUNS),
    Group("Measures", "/measures", Permission.READ_MEASURES),
    Group("Administration", "/administration", Permission.ADMINISTER),
    Group("Audit", "/audit", Permission.READ_AUDIT),
)


def there_are(paths: Collection[str]) -> tuple[Group, ...]:
    """The groups whose first page is one of these addresses."""
    return tuple(group for group in GROUPS if group.href in paths)


def navigation(
    groups: Iterable[Group], permissions: Collection[Permission], path: str
) -> list[dict[str, Any]]:
    """Items of the service navigation for somebody who may do this, at an address."""
    return [
        {
            "text": group.title,
            "href": group.href,
            "current": path == group.href,
            "active": group.href != "/" and path.startswith(group.href + "/"),
        }
        for group in groups
        if group.permission is None or group.permission in permissions
    ]
