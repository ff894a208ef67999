"""Passwords: which are good enough, and how they are kept (argon2id, RFC 9106)."""

from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from api.services.access.caller import AccessError

SHORTEST = 12
# Longer ones only cost time.
LONGEST = 256

# The commonest of this length in lists of what leaked; plus patterns, see below.
_COMMON = frozenset(
    """
    password1234 passwordpassword password12345 password123456 1234567890ab qwertyuiop12
    qwertyuiop123 qwertyuiop1234 1qaz2wsx3edc 1q2w3e4r5t6y qazwsxedcrfv iloveyou1234
    iloveyouforever letmeinletmein welcome12345 welcome123456 administrator administrator1
    admin1234567 adminadminadmin changeme1234 changemechangeme liverpoolfc1 manchesterunited
    manchestercity unitedkingdom princess1234 football1234 footballfootball sunshine1234
    monkeymonkey abc123abc123 asdfghjkl123 zxcvbnm12345 superman1234 trustno1trustno1
    correcthorsebatterystaple
    """.split()  # noqa: SIM905
)
_RUNS = ("01234567890123456789", "abcdefghijklmnopqrstuvwxyz", "qwertyuiopasdfghjklzxcvbnm")

_HASHER = PasswordHasher()


class PasswordError(AccessError):
    """A new password is too easily found; the message says why."""

    type = "password"


def check_password(password: str, *, name: str) -> None:
    """Raises PasswordError if it is too short, too long, too common or the name."""
    if len(password) < SHORTEST:
        raise PasswordError(
            f"enter a password of at least {SHORTEST} characters, such as three words"
        )
    if len(password) > LONGEST:
        raise PasswordError(f"enter a password of at most {LONGEST} characters")
    said = password.casefold()
    if name.casefold() in said and len(said) - len(name) < SHORTEST // 2:
        raise PasswordError("enter a password that is more than your name")
    if said in _COMMON or len(set(said)) < 4 or any(said in run * 2 for run in _runs()):
        raise PasswordError("enter a password that is not among the first that anybody would try")


def hash_password(password: str) -> str:
    """What is kept of it."""
    return _HASHER.hash(_encoded(password))


def verify_password(kept: str | None, password: str) -> bool:
    """Whether it is the one; takes as long where none is kept."""
    try:
        return _HASHER.verify(kept or _nobodys(), _encoded(password)) and kept is not None
    except (VerificationError, InvalidHashError):
        return False


def is_outdated(kept: str) -> bool:
    """Whether it was kept in a weaker way than passwords are now."""
    return _HASHER.check_needs_rehash(kept)


def _encoded(password: str) -> bytes:
    # Any length is refused when set; one that is too long is not worth its time here.
    return password[: LONGEST + 1].encode("utf-8", "surrogatepass")


@cache
def _nobodys() -> str:
    return _HASHER.hash("of nobody")


def _runs() -> list[str]:
    return [*_RUNS, *(run[::-1] for run in _RUNS)]
