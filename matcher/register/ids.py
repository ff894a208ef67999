"""Child ids: opaque, with a check character.

The alphabet leaves out letters that are misread (I, L, O, U). The last character is the
ISO 7064 MOD 37,36 check of the others, which finds any single wrong character and nearly
all exchanged neighbours.
"""

import hashlib
from collections.abc import Iterable

from stdnum.iso7064 import mod_37_36

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_LENGTH = 12


def child_ids(founders: Iterable[tuple[str, str]]) -> list[str]:
    """One id per cluster, from the (source, record_id) of its first record.

    The id is a digest, so it says nothing and is the same whenever the cluster is founded
    by the same record. Raises ValueError if two founders digest to the same id.
    """
    ids = [child_id(source, record_id) for source, record_id in founders]
    if len(set(ids)) != len(ids):
        raise ValueError("two founding records digest to one child id")
    return ids


def child_id(source: str, record_id: str, *, attempt: int = 0) -> str:
    """The id that a record founds; another one at each further attempt."""
    text = f"{source}\x1f{record_id}" + (f"\x1f{attempt}" if attempt else "")
    digest = hashlib.blake2b(text.encode(), digest_size=8).digest()
    number = int.from_bytes(digest, "big")
    body = ""
    for _ in range(_LENGTH):
        number, rest = divmod(number, len(_ALPHABET))
        body += _ALPHABET[rest]
    return body + str(mod_37_36.calc_check_digit(body))


def is_child_id(text: str) -> bool:
    """Whether the check character fits."""
    return len(text) == _LENGTH + 1 and bool(mod_37_36.is_valid(text))
