"""Child ids: opaque, with a check character.

The alphabet leaves out letters that are misread (I, L, O, U). The last character is the
ISO 7064 MOD 37,36 check of the others, which finds any single wrong character and nearly
all exchanged neighbours.
"""

import hashlib
from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt
from stdnum.iso7064 import mod_37_36

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_LENGTH = 12
_BITS = 5  # a letter of the alphabet
# Of the check: all digits and letters, by their values.
_CHECKED = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_MODULUS = len(_CHECKED)
_LETTERS = np.frombuffer(_ALPHABET.encode(), dtype=np.uint8)
_CHECKS = np.frombuffer(_CHECKED.encode(), dtype=np.uint8)
_VALUES = np.array([_CHECKED.index(letter) for letter in _ALPHABET], dtype=np.int64)


def child_ids(founders: Iterable[tuple[str, str]]) -> list[str]:
    """One id per cluster, from the (source, record_id) of its first record.

    The id is a digest, so it says nothing and is the same whenever the cluster is founded
    by the same record. Raises ValueError if two founders digest to the same id.
    """
    ids = founded_ids(list(founders))
    if len(set(ids)) != len(ids):
        raise ValueError("two founding records digest to one child id")
    return ids


def child_id(source: str, record_id: str, *, attempt: int = 0) -> str:
    """The id that a record founds; another one at each further attempt."""
    number = int.from_bytes(_digest(source, record_id, attempt), "big")
    body = ""
    for _ in range(_LENGTH):
        number, rest = divmod(number, len(_ALPHABET))
        body += _ALPHABET[rest]
    return body + str(mod_37_36.calc_check_digit(body))


def _digest(source: str, record_id: str, attempt: int) -> bytes:
    text = f"{source}\x1f{record_id}" + (f"\x1f{attempt}" if attempt else "")
    return hashlib.blake2b(text.encode(), digest_size=8).digest()


def founded_ids(founders: Sequence[tuple[str, str]], *, attempt: int = 0) -> list[str]:
    """The `child_id` of each founder, all at once."""
    if not founders:
        return []
    digests = b"".join(_digest(source, key, attempt) for source, key in founders)
    number = np.frombuffer(digests, dtype=">u8").astype(np.uint64)
    letters = np.empty((len(number), _LENGTH + 1), dtype=np.uint8)
    check = np.full(len(number), _MODULUS // 2, dtype=np.int64)
    for place in range(_LENGTH):
        digit = ((number >> np.uint64(_BITS * place)) % len(_ALPHABET)).astype(np.intp)
        letters[:, place] = _LETTERS[digit]
        check = (_doubled(check) + _VALUES[digit]) % _MODULUS
    letters[:, _LENGTH] = _CHECKS[(1 - _doubled(check)) % _MODULUS]
    return letters.view(f"S{_LENGTH + 1}").ravel().astype(str).tolist()


def _doubled(check: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """A step of the check, see `stdnum.iso7064.mod_37_36`."""
    return np.where(check == 0, _MODULUS, check) * 2 % (_MODULUS + 1)


def is_child_id(text: str) -> bool:
    """Whether the check character fits."""
    return len(text) == _LENGTH + 1 and bool(mod_37_36.is_valid(text))
