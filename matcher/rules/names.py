"""What is known about names: spelling families, placeholders, prefixes, honorifics.

``names.yaml`` is data, so that a council adds the forms that it meets.
"""

import re
from functools import cached_property
from typing import Annotated

from pydantic import Field

from matcher.rules.document import Rule


class Example(Rule):
    """Name fields as written, and what standardising must make of them."""

    given: dict[str, str]
    expect: dict[str, str]


class NameRules(Rule):
    """The whole of ``names.yaml``. All names are upper case without marks.

    * ``prefixes``: given names that do not distinguish when another name follows,
      by the spelling that stands for all of them
    * ``honorifics``: last names that do not say which family a child belongs to
    * ``placeholders``: words that stand where a name is not known
    * ``parent_markers``: words after which a parent's name follows, such as B/O (baby of)
    * ``multiple_births``: words among those that say that the child is a twin or triplet
    * ``forename_families``, ``surname_families``: spellings of one name; the first stands
      for all
    * ``short_forms``: what children are called, by full name, where the package nicknames
      does not know it
    * ``endings``: surname endings that change with sex or language, and what they become
    * ``joined``: particles that are written with or without a space before a name
    """

    version: int
    prefixes: dict[str, list[str]]
    honorifics: list[str]
    placeholders: list[str]
    parent_markers: list[str] = Field(default_factory=list)
    multiple_births: list[str]
    forename_families: list[Annotated[list[str], Field(min_length=2)]]
    surname_families: list[Annotated[list[str], Field(min_length=2)]]
    short_forms: dict[str, list[str]]
    endings: dict[str, str]
    joined: list[str]
    examples: list[Example] = Field(default_factory=list)

    @cached_property
    def prefix_of(self) -> dict[str, str]:
        """Spelling to the form that stands for it."""
        return {form: name for name, forms in self.prefixes.items() for form in (name, *forms)}

    @cached_property
    def placeholder_words(self) -> frozenset[str]:
        """Words that are not names."""
        return frozenset(self.placeholders)

    @cached_property
    def parent_marker(self) -> re.Pattern[str]:
        """What finds a marker; a slash leans either way and may have spaces around it."""
        markers = (r"\s*[/\\]\s*".join(map(re.escape, m.split("/"))) for m in self.parent_markers)
        return re.compile(rf"(?<!\w)(?:{'|'.join(markers) or '(?!)'})(?!\w)", re.IGNORECASE)

    @cached_property
    def honorific_words(self) -> frozenset[str]:
        """Last names that do not tell families apart."""
        return frozenset(self.honorifics)

    @cached_property
    def joined_words(self) -> frozenset[str]:
        """Particles that belong to the word after them."""
        return frozenset(self.joined)

    @cached_property
    def forename_family_of(self) -> dict[str, str]:
        """Spelling to the first spelling of its family."""
        return {form: family[0] for family in self.forename_families for form in family}

    @cached_property
    def forename_spellings(self) -> dict[str, list[str]]:
        """First spelling of a family to all its spellings."""
        return {family[0]: family for family in self.forename_families}

    @cached_property
    def full_names_of(self) -> dict[str, frozenset[str]]:
        """Short form to the full names that it may stand for."""
        found: dict[str, set[str]] = {}
        for full, shorts in self.short_forms.items():
            for short in shorts:
                found.setdefault(short, set()).add(full)
        return {short: frozenset(full) for short, full in found.items()}

    @cached_property
    def surname_family_of(self) -> dict[str, str]:
        """Spelling to the first spelling of its family."""
        return {form: family[0] for family in self.surname_families for form in family}
