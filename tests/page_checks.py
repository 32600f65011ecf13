"""Checks that hold for every report page: it runs one known script, loads nothing, and shows foreign names as text."""

import base64
import hashlib
import re
from dataclasses import dataclass, field
from html.parser import HTMLParser

_FORBIDDEN = {"iframe", "object", "embed", "link", "form", "base", "foreignobject", "animate", "set"}

_BESIDE = re.compile(r"[A-Za-z0-9_%.-]+\.html")
"""The address of a page in the same folder, which is all that a link may lead to."""


@dataclass
class Page(HTMLParser):
    """The contents of a page, as a browser would parse them."""

    title: str = ""
    text: str = ""
    images: list[bytes] = field(default_factory=list)
    drawings: list[str] = field(default_factory=list)
    audio: list[str] = field(default_factory=list)
    tags: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        for name, value in attrs:
            assert not name.startswith("on"), f"{tag} has {name}"
            is_link = tag == "a" and name == "href" and _BESIDE.fullmatch(value or "") is not None
            assert is_link or name not in {"href", "action", "srcset", "data"}, f"{tag} has {name}"
            if name == "src":
                assert (tag, (value or "").partition("///")[0]) == ("audio", "file:")
                self.audio.append(str(value))
            if name == "xlink:href" and not str(value).startswith("#"):
                assert str(value).startswith("data:image/png;base64,")
                self.images.append(base64.b64decode(re.sub(r"\s", "", str(value)).partition(",")[2], validate=True))
        if tag == "svg":
            assert ("role", "img") in attrs
            self.drawings.append(str(dict(attrs)["aria-label"]))

    def handle_data(self, data: str) -> None:
        if self.tags[-1:] == ["title"] and not self.title:
            self.title = data.strip()
        elif self.tags[-1:] not in (["style"], ["script"]):
            self.text += data


def read_page(html: str) -> Page:
    """The parsed page, after checks that it is self-contained and has no control characters."""
    page = Page()
    page.feed(html)
    assert not _FORBIDDEN & set(page.tags)
    assert all(image.startswith(b"\x89PNG") for image in page.images)
    without_pictures = re.sub(r'href="data:[^"]*"', "", html)
    assert not re.search(r"url\([^#]|@import|javascript:", without_pictures)
    assert all(character.isprintable() or character == "\n" for character in without_pictures)
    assert "default-src 'none'" in html
    (script,) = re.findall(r"<script>(.*?)</script>", html, re.DOTALL)
    digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
    assert f"script-src 'sha256-{digest}'" in html
    assert len(html) < 1_000_000
    return page
