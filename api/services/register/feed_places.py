"""The names by which somebody is told where in the change feed something is.

Events have numbers, and a number says how many came before it, also of those that are not
told: whoever puts a record could count by them what became of it. So places are told
enciphered, by a key that nobody is told. A name says which place it is and nothing else: neither
how far it is from another one nor, of places that come after no event in particular, whether
something is between them. One block of AES is a permutation, so an event has one name for ever.
"""

import secrets
import struct
from collections.abc import Sequence
from dataclasses import dataclass

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from sqlalchemy import Connection, insert, select

from api.db.models import FeedKey
from api.services.register.seen_events import FeedEvent

_BLOCK = struct.Struct(">QIB3x")  # number, of which, kind; the rest tells ours from made-up ones
_HEX = 2 * _BLOCK.size
_EVENT, _RUN, _WEBHOOK, _DELIVERY, _RUN_AHEAD = range(5)


class UnknownPlaceError(ValueError):
    """No place of this register's feed has such a name."""


@dataclass(frozen=True, slots=True)
class Place:
    """After the event of this number, as seen when ``run`` was the last run; 0 if not known.

    Before it, but after what is told ``ahead`` of it, if so.
    """

    number: int
    run: int
    ahead: bool = False


START = Place(0, 0)


class Places:
    """Names of places and back, for one register."""

    def __init__(self, key: bytes) -> None:
        # Each block is a name by itself, and no two that differ are alike.
        self._cipher = Cipher(algorithms.AES(key), modes.ECB())  # noqa: S305

    @classmethod
    def of(cls, connection: Connection) -> "Places | None":
        """None as long as there was no run."""
        key = feed_key(connection)
        return None if key is None else cls(key)

    def events(self, events: Sequence[FeedEvent]) -> list[str]:
        """Of these events."""
        return self._names([_BLOCK.pack(one.id, int(one.ahead), _EVENT) for one in events])

    def after(self, place: Place) -> str:
        """Of what comes after it."""
        kind = _RUN_AHEAD if place.ahead else _RUN
        return self._names([_BLOCK.pack(place.number, place.run, kind)])[0]

    def of_webhook(self, number: int, webhook: int) -> str:
        """Of the event after which a webhook is told of them."""
        return self._names([_BLOCK.pack(number, webhook, _WEBHOOK)])[0]

    def of_delivery(self, number: int, delivery: int) -> str:
        """Of where a delivery begins or ends."""
        return self._names([_BLOCK.pack(number, delivery, _DELIVERY)])[0]

    def read(self, name: str) -> Place:
        """The place of a name. Raises UnknownPlaceError."""
        try:
            block = bytes.fromhex(name) if len(name) == _HEX else b""
        except ValueError:
            block = b""
        if len(block) != _BLOCK.size:
            raise UnknownPlaceError
        decryptor = self._cipher.decryptor()
        plain = decryptor.update(block) + decryptor.finalize()
        number, of, kind = _BLOCK.unpack(plain)
        if plain[-3:] != bytes(3) or kind > _RUN_AHEAD or number >= 2**63:
            raise UnknownPlaceError
        ahead = kind == _RUN_AHEAD or (kind == _EVENT and of == 1)
        return Place(number, of if kind in (_RUN, _RUN_AHEAD) else 0, ahead)

    def _names(self, blocks: Sequence[bytes]) -> list[str]:
        encryptor = self._cipher.encryptor()
        written = (encryptor.update(b"".join(blocks)) + encryptor.finalize()).hex()
        return [written[at : at + _HEX] for at in range(0, len(written), _HEX)]


def feed_key(connection: Connection) -> bytes | None:
    """The key by which places are told; None as long as there was no run."""
    key = connection.scalar(select(FeedKey.key))
    return None if key is None else bytes.fromhex(key)


def keep_key(connection: Connection) -> None:
    """Make the key by which places are told, unless there is one."""
    if connection.scalar(select(FeedKey.id)) is None:
        connection.execute(insert(FeedKey).values(key=secrets.token_hex(16)))
