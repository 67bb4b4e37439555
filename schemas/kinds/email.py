"""E-mail addresses."""

from __future__ import annotations

import re
import unicodedata
from functools import cache, lru_cache

from rapidfuzz.distance import OSA

from schemas.data import vocabulary
from schemas.kinds import latest
from schemas.text import in_latin_letters, search_key

_EDGE = r"\s<>()\[\],;:/|\""  # what stands beside an address and is none of it
_ADDRESS = re.compile(
    rf"(?<![^{_EDGE}])[=*+-]*([A-Za-z0-9_][A-Za-z0-9._%+-]*@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+)(?![^{_EDGE}.])"
)
# Blanks around the "@" and the dots of a domain.
_LOOSE = re.compile(r"\s*(@)\s*|\s+(\.)\s*(?=[a-z0-9])|(\.)\s+(?=(?:com|vn|gov|net|org|edu)\b)", re.IGNORECASE)
# What may be the first half of an address that was typed with blanks.
_BLANKS_WITHIN = re.compile(r"(?:(?=[0-9._-]*[A-Za-z])[A-Za-z0-9._-]+\s+)+")
_SEPARATORS = re.compile(r"[;,/|\n]+|\s(?=\S+@)")
_LONGEST = 254  # characters of an address, RFC 5321
# An address in order, of which only the domain is left to be judged.
PLAIN = re.compile(r"[a-z0-9_]+(?:\.[a-z0-9_]+)*@([a-z0-9-]+(?:\.[a-z0-9-]+)+)")
# No mailbox: hidden letters, signs that are legal and never meant, names reserved for examples (RFC 2606).
_SHAM = re.compile(r"^x{3,}@|[*#/=?!^|~{}$`].*@|@(?:.*\.)?example\.[a-z]+$")
_WWW = "www."


@cache
def _label() -> re.Pattern[str]:
    words = "|".join(re.escape(word) for word in vocabulary()["emails"]["labels"])
    return re.compile(rf"^(?:{words})\s*[:\-]\s*", re.IGNORECASE)


@cache
def _beside() -> re.Pattern[str]:
    words = vocabulary()["emails"]
    return re.compile(rf"\b(?:{'|'.join(map(search_key, [*words['labels'], *words['beside']]))})\b")


def repair(text: str) -> str:
    """Return the address in lower case, without `mailto:`, labels, angle brackets, blanks and words beside it.

    Of several addresses the first counts, or the new one (`latest`).
    """
    return text if PLAIN.fullmatch(text) else _repaired(text)


@lru_cache(maxsize=20_000)
def _repaired(text: str) -> str:
    text = unicodedata.normalize("NFKC", in_latin_letters(text)).strip(" '\".;,")
    loose = _LOOSE.sub(lambda match: match[1] or match[2] or match[3], text)
    if found := [*_ADDRESS.finditer(loose)]:
        place = latest.chosen(loose, [match.span() for match in found])
        if place is None:
            return text
        before, address = loose[: found[place].start()], found[place][1]
        return (re.sub(r"\s+", "", before) if _goes_on(before, address) else "").lower() + address.lower()
    text = text.strip("<> ")
    text = _label().sub("", text.removeprefix("mailto:").removeprefix("MAILTO:").removeprefix("Mailto:"))
    parts = [part for part in _SEPARATORS.split(text) if part.strip()]
    if len(parts) > 1 and all("@" in part for part in parts):
        text = parts[0]
    inside = re.search(r"<([^<>\s]+@[^<>\s]+)>", text)
    text = inside[1] if inside else text
    return re.sub(r"\s+", "", text).strip("<>.;,").lower() if "@" in text else text.strip()


def _goes_on(before: str, address: str) -> bool:
    """Tell whether an address typed with blanks goes on in this one ("lo van hac@..."): no words stand before it.

    A word with a capital is somebody's name, unless all is in capitals.
    """
    if not _BLANKS_WITHIN.fullmatch(before):
        return False
    return (before + address).isupper() if not before.islower() else not _beside().search(search_key(before))


def in_order(text: str) -> bool:
    """Tell an address that is written as it should be, of a provider that many have."""
    plain = PLAIN.fullmatch(text) if len(text) <= _LONGEST else None
    return plain is not None and plain[1] in _known_domains() and not text.startswith((_WWW, "xxx"))


@cache
def _known_domains() -> frozenset[str]:
    words = vocabulary()["emails"]
    return frozenset([*words["domains"], *words["genuine"]])


def is_valid(address: str) -> bool:
    """Tell whether mail could be addressed so. Vietnamese letters before the `@` are always an accident."""
    if len(address) > _LONGEST or _SHAM.search(address):
        return False
    plain = PLAIN.fullmatch(address)
    return _is_valid(f"a@{plain[1]}" if plain else address)


@lru_cache(maxsize=20_000)
def _is_valid(address: str) -> bool:
    from email_validator import EmailNotValidError, validate_email  # nobody who only reads needs it

    try:
        validate_email(address, check_deliverability=False, allow_smtputf8=False)
    except EmailNotValidError:
        return False
    return address.isascii()


def likely(address: str) -> str:
    """Return the address that was probably meant, or "" where nothing looks mistyped."""
    local, at, domain = address.rpartition("@")
    meant, bare = _likely_domain(domain) if at else "", local.removeprefix(_WWW)
    return f"{bare}@{meant or domain}" if at and (meant or bare != local) else ""


@lru_cache(maxsize=20_000)
def _likely_domain(domain: str) -> str:
    if not domain:
        return ""
    words = vocabulary()["emails"]
    if domain in _known_domains():
        return ""
    if domain in words["typos"]:
        return str(words["typos"][domain])
    for known in words["domains"]:
        if OSA.distance(domain, known, score_cutoff=1) <= 1:
            return str(known)
    for ending, right in sorted(words["endings"].items(), key=lambda pair: -len(pair[0])):
        if domain.endswith(ending):
            fixed = domain.removesuffix(ending) + right
            return _likely_domain(fixed) or fixed
    return ""


def proposal(text: str) -> str:
    """Return a legal address near an illegal text (a comma for a dot, accents, a lost dot), or ""."""
    plain = unicodedata.normalize("NFD", text.replace("\u0111", "d")).encode("ascii", "ignore").decode()
    plain = re.sub(r"\.{2,}", ".", plain.replace(",", ".").replace("@@", "@"))
    plain = likely(plain) or plain
    return plain if plain != text and is_valid(plain) else ""
