"""Disclosure rules: how counts are protected before they are shown."""

from typing import Literal

from matcher.rules.document import Rule


class DisclosureRules(Rule):
    """The whole of ``disclosure.yaml``."""

    version: int
    profile: Literal["none", "nhs_digital", "round5", "threshold10"]
