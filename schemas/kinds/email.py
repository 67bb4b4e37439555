"""E-mail addresses."""

from __future__ import annotations

import re
import unicodedata
from functools import cache, lru_cache

from rapidfuzz.distance import OSA

from schemas.data import vocabulary
from schemas.text import in_latin_letters

_ADDRESS = re.compile(r"(?<![^\s<>()\[\],;:])[A-Za-z0-9._%+-]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+(?![^\s<>()\[\],;:.])")
_WORDS_AROUND = re.compile(r"[<>()\[\]@]|[^\x00-\x7f]")  # what stands beside an address and is none of it
_SEPARATORS = re.compile(r"[;,/|\n]+|\s(?=\S+@)")
_LONGEST = 254  # characters of an address, RFC 5321
# An address in order, of which only the domain is left to be judged.
PLAIN = re.compile(r"[a-z0-9_]+(?:\.[a-z0-9_]+)*@([a-z0-9-]+(?:\.[a-z0-9-]+)+)")


@cache
def _label() -> re.Pattern[str]:
    words = "|".join(re.escape(word) for word in vocabulary()["emails"]["labels"])
    return re.compile(rf"^(?:{words})\s*[:\-]\s*", re.IGNORECASE)


def repair(text: str) -> str:
    """Return the address in lower case, without `mailto:`, labels, angle brackets and blanks.

    Of several addresses the first counts.
    """
    return text if PLAIN.fullmatch(text) else _repaired(text)


@lru_cache(maxsize=20_000)
def _repaired(text: str) -> str:
    text = unicodedata.normalize("NFKC", in_latin_letters(text)).strip(" '\".;,")
    found = _ADDRESS.findall(text)
    if found and _WORDS_AROUND.search(text.replace(found[0], "", 1)):
        return found[0].lower()
    text = text.strip("<> ")
    text = _label().sub("", text.removeprefix("mailto:").removeprefix("MAILTO:").removeprefix("Mailto:"))
    parts = [part for part in _SEPARATORS.split(text) if part.strip()]
    if len(parts) > 1 and all("@" in part for part in parts):
        text = parts[0]
    inside = re.search(r"<([^<>\s]+@[^<>\s]+)>", text)
    text = inside[1] if inside else text
    return re.sub(r"\s+", "", text).strip("<>.;,").lower() if "@" in text else text.strip()


def in_order(text: str) -> bool:
    """Tell an address that is written as it should be, of a provider that many have."""
    plain = PLAIN.fullmatch(text) if len(text) <= _LONGEST else None
    return plain is not None and plain[1] in _known_domains()


@cache
def _known_domains() -> frozenset[str]:
    words = vocabulary()["emails"]
    return frozenset([*words["domains"], *words["genuine"]])


def is_valid(address: str) -> bool:
    """Tell whether mail could be addressed so. Vietnamese letters before the `@` are always an accident."""
    plain = PLAIN.fullmatch(address) if len(address) <= _LONGEST else None
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
    meant = _likely_domain(domain) if at else ""
    return f"{local}@{meant}" if meant else ""


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
