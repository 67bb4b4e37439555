"""Addresses of Facebook pages.

Source of the shapes: Facebook's help on usernames (letters, digits and dots, at least five characters;
dots and capitals do not distinguish) and the address forms in public use.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import SplitResult, parse_qs, unquote, urlsplit

from schemas.text import clean

_SITE = "https://www.facebook.com/"
_HOST = re.compile(r"^(?:[a-z0-9-]+\.)*(?:facebook|fb)\.com$")
_SHORT_HOSTS = {
    "fb.me",
    "fb.watch",
    "www.fb.me",
    "www.fb.watch",
    "fb.gg",
    "bit.ly",
    "tinyurl.com",
    "goo.gl",
    "t.co",
    "shorturl.at",
    "ow.ly",
    "is.gd",
    "cutt.ly",
}
_USERNAME = re.compile(r"^[A-Za-z0-9.]{5,50}$")
_ID = re.compile(r"^\d{5,20}$")
_WEBSITE = re.compile(r"\.(?:com|net)$", re.IGNORECASE)
_NAME_WITH_ID = re.compile(r"^[^/]*-(\d{8,20})$")
_URL_INSIDE = re.compile(
    r"(?:https?://|(?<![\w@.-])(?:[\w-]+\.)*(?:facebook|fb)\.com(?![\w-]))[^\s<>\"'\u201c\u201d,;]*", re.IGNORECASE
)
# Words right behind an address may belong to it: a blank typed into a name makes another page of it.
_AFTER = re.compile(r"\s+[^\s(\[;,\u2013-]|\.\s+[A-Za-z0-9.]+$")
_CUT = re.compile(r"\.\.[,)\]\"'\u201d]*$")  # who shortened an address left its end out
_BLANKS = re.compile(r"(?<=[/?=&.]) +| +(?=[/?=&.])")  # typed beside what no address has a blank at
_REST = re.compile(r" ([A-Za-z0-9.]+)$")  # of an address broken in two
_ONCE = re.compile(r"^(?:https?://)?(?:www\.)?(?=https?://)", re.IGNORECASE)
_DOMAIN = re.compile(r"^[a-z0-9-]+(?:\.[a-z0-9-]+)*\.[a-z]{2,}$")
# Parts of Facebook that belong to no page.
_NOT_PAGES = frozenset(
    [
        "groups",
        "events",
        "event",
        "photo",
        "photo.php",
        "photos",
        "media",
        "posts",
        "permalink.php",
        "story.php",
        "stories",
        "watch",
        "reel",
        "reels",
        "videos",
        "video.php",
        "home.php",
        "home",
        "login",
        "login.php",
        "login.html",
        "me",
        "bookmarks",
        "messages",
        "search",
        "hashtag",
        "marketplace",
        "gaming",
        "help",
        "settings",
        "notifications",
        "friends",
        "sharer",
        "sharer.php",
        "dialog",
        "plugins",
        "public",
        "directory",
        "latest",
        "profile.php",
        "profile",
        "index.php",
        "ads",
        "business",
        "checkpoint",
        "recover",
        "live",
        "notes",
        "note.php",
        "games",
        "jobs",
        "fundraisers",
        "policies",
        "privacy",
        "legal",
        "careers",
        "about",
        "pages",
        "people",
        "p",
        "pg",
    ]
)
# Parts of the site on which no page lives.
_OFFICES = frozenset(
    ["about", "adsmanager", "apps", "business", "developers", "engineering", "investor", "newsroom", "pay", "research"]
)
_SHARE = "share"
_NOT_NAMES = _NOT_PAGES | {_SHARE}
# Tabs of a page: the page itself is meant.
_TABS = frozenset(
    [
        "about",
        "about_details",
        "about_contact_and_basic_info",
        "photos",
        "photos_albums",
        "photos_stream",
        "videos",
        "posts",
        "events",
        "reviews",
        "mentions",
        "followers",
        "community",
        "live",
        "home",
        "reels",
        "reels_tab",
        "photos_by",
        "info",
        "timeline",
        "friends",
        "likes",
        "shop",
        "services",
        "groups",
        "music",
        "map",
    ]
)


# Most addresses are of this shape: nothing of them needs to be taken apart.
_PLAIN = re.compile(r"https://www\.facebook\.com/([A-Za-z0-9.]{4,49}[A-Za-z0-9])")


@dataclass(frozen=True, slots=True)
class Address:
    """A page's address: canonical form, identity for comparing, what is wrong with it ("" or a slug)."""

    canonical: str = ""
    identity: str = ""
    fault: str = ""
    page: str = ""  # the page that was probably meant, where `fault` is not ""


def repair(text: str) -> str:
    """Return the address as `https://www.facebook.com/<name>` or `.../profile.php?id=<id>`, or the cleaned text."""
    plain = _PLAIN.fullmatch(text)
    if plain and not plain[1].isdigit() and plain[1].lower() not in _NOT_NAMES:
        return text
    address = parse(text)
    return address.canonical if address.canonical else clean(text)


def is_address(text: str) -> bool:
    """Tell whether a cell's text shows an address itself, so that a hyperlink behind it need not be asked."""
    return bool(
        re.search(r"(?i)https?:|\bwww\.|(?:facebook|fb)\.(?:com|me|watch)|\w\.(?:com|vn|net|org|me)\b", clean(text))
    )


def addresses_in(text: str) -> list[str]:
    """Return the addresses that stand in a text: of Facebook, or any that says it is one."""
    found = _URL_INSIDE.findall(text)
    return list(dict.fromkeys(match if _CUT.search(match) else match.rstrip(".,)") for match in found))


def parse(text: str) -> Address:
    """Read an address. `fault` is one of `invalid`, `not-facebook`, `not-page`, `short`, `profile-id`, or ""."""
    plain = _PLAIN.fullmatch(text)
    return _named(plain[1]) if plain and plain[1].lower() not in _NOT_NAMES else _parsed(text)


@lru_cache(maxsize=20_000)
def _parsed(text: str) -> Address:
    text = unicodedata.normalize("NFKC", clean(text)).strip(" \"'<>\u201c\u201d()[]")
    text = re.sub(r"(?<=/) +| +(?=/)", "", text)
    found = addresses_in(text)
    if any(map(_CUT.search, found)):
        return Address(fault="invalid")
    if " " in text and len(found) == 1 and not _AFTER.match(text.partition(found[0])[2]):
        text = found[0]
    text = text.rstrip(".,;")
    if not text or " " in text:
        return Address(fault="invalid", page=_meant(text, found))
    url = _split(text)
    if url is None or url.hostname == "profile.php":
        return Address(fault="invalid", page=_near_miss(text))
    host = (url.hostname or "").lower()
    if host in _SHORT_HOSTS:
        return Address(fault="short")
    if host in ("m.me", "www.m.me", "messenger.com", "www.messenger.com"):
        return _named(url.path.strip("/").removeprefix("t/"))
    if not _HOST.match(host):
        return Address(fault="not-facebook")
    if host.startswith(("l.", "lm.")) and url.path.startswith("/l.php"):
        return parse(parse_qs(url.query).get("u", [""])[0])
    return _on_facebook(host, url)


def _split(text: str) -> SplitResult | None:
    match = re.match(r"^(https?)://(?!/)|^(?=[^/:@]+\.[a-z]{2,}(?:[/?#:]|$))", text, re.IGNORECASE)
    if not match:
        return None
    try:
        url = urlsplit(text if match[1] else "https://" + text)
        if url.username or not _DOMAIN.match((url.hostname or "").lower()):
            return None
    except ValueError:
        return None
    return url


def _meant(text: str, found: list[str]) -> str:
    """Return the page behind an address with blanks in it or words around it, "" where it may be any of several.

    A word behind it that may be its end is taken as such; of several words nobody can tell.
    """
    if " " not in (joined := _BLANKS.sub("", text)):
        return _near_miss(joined)
    if not found:
        return ""
    behind = text.partition(found[0])[2]
    if "/pages/" in found[0] or "/people/" in found[0]:
        return parse(text.replace(" ", "-")).canonical
    if len(found) == 1 and behind.isascii():
        rest = _REST.fullmatch(behind)
        return parse(found[0] + rest[1]).canonical if rest else ""
    return parse(found[0]).canonical


def _near_miss(text: str) -> str:
    """Return the page behind a damaged beginning such as `htps//` or `facebook,com`."""
    text = _ONCE.sub("", text.replace("\\", "/"))
    text = f"www.facebook.com/{text}" if text.startswith("profile.php?") else text
    text = re.sub(r"^h?t{0,3}p{0,2}s?\s*[:;]?\s*/*", "", text, flags=re.IGNORECASE)
    text = re.sub(r"^(w{2,4}[.,])?facebook[.,]com", "www.facebook.com", text, flags=re.IGNORECASE)
    if not text.startswith("www.facebook.com/"):
        return ""
    address = parse("https://" + text)
    return address.canonical if address.fault in ("", "profile-id") else ""


def _on_facebook(host: str, url: SplitResult) -> Address:
    path = [unquote(part) for part in url.path.split("/") if part]
    query = parse_qs(url.query)
    number = query.get("id", [""])[0].rstrip("/")
    if host.partition(".")[0] in _OFFICES or not path:
        asset = query.get("asset_id", [""])[0]
        return Address(fault="not-page", page=f"{_SITE}profile.php?id={asset}" if _ID.match(asset) else "")
    first, rest = path[0].lower(), path[1:]
    if first == _SHARE or (first == "s" and rest):
        return Address(fault="short")
    if first in ("profile.php", "profile"):
        return _numbered(number, "profile-id") if _ID.match(number) else Address(fault="not-page")
    if first == "people" and len(rest) >= 2 and _ID.match(rest[1]):
        return _numbered(rest[1], "profile-id")
    if first == "p" and rest and (match := _NAME_WITH_ID.match(rest[0])):
        return _numbered(match[1], "profile-id")
    if first == "pages" and rest:
        return _classic_page(rest)
    if first == "pg" and rest:
        return _named(rest[0])
    if first in _NOT_PAGES:
        return Address(fault="not-page", page=f"{_SITE}profile.php?id={number}" if _ID.match(number) else "")
    address = _named(path[0])
    if address.fault == "" and rest and (len(rest) > 1 or rest[0].lower() not in _TABS):
        return Address(fault="not-page", page=address.canonical)
    return address


def _classic_page(rest: list[str]) -> Address:
    last = rest[-1]
    match = _NAME_WITH_ID.match(last)
    number = last if _ID.match(last) else match[1] if match else ""
    return _numbered(number, "") if number else Address(fault="not-page")


def _numbered(number: str, fault: str) -> Address:
    return Address(f"{_SITE}profile.php?id={number}", f"id:{number}", fault)


def _named(name: str) -> Address:
    if match := _NAME_WITH_ID.match(name):
        return _numbered(match[1], "")
    if _ID.match(name):
        return _numbered(name, "profile-id")
    plain = name.replace(".", "")
    if not _USERNAME.match(name) or len(plain) < 5 or _WEBSITE.search(name):
        return Address(fault="invalid")
    return Address(_SITE + name, "u:" + plain.lower())
