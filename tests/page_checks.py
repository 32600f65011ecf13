"""What every page keeps to: it runs nothing, loads nothing, and shows what is in it as text."""

import base64
import re
from dataclasses import dataclass, field
from html.parser import HTMLParser

_QUIET = {"script", "iframe", "object", "embed", "link", "form", "svg", "a", "base"}


@dataclass
class Page(HTMLParser):
    """What a browser would find in a page."""

    title: str = ""
    text: str = ""
    images: list[bytes] = field(default_factory=list)
    tags: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        for name, value in attrs:
            assert not name.startswith("on"), f"{tag} has {name}"
            assert name not in {"href", "action", "srcset", "data"}, f"{tag} has {name}"
            if name == "src":
                assert value is not None
                assert value.startswith("data:image/png;base64,")
                self.images.append(base64.b64decode(value.partition(",")[2], validate=True))

    def handle_data(self, data: str) -> None:
        if self.tags[-1:] == ["title"] and not self.title:
            self.title = data.strip()
        elif self.tags[-1:] != ["style"]:
            self.text += data


def read_page(html: str) -> Page:
    """The page, after checking that it stands alone and holds no control characters."""
    page = Page()
    page.feed(html)
    assert not _QUIET & set(page.tags)
    assert all(image.startswith(b"\x89PNG") for image in page.images)
    without_pictures = re.sub(r'src="data:[^"]*"', "", html)
    assert not re.search(r"url\(|@import|javascript:", without_pictures)
    assert all(character.isprintable() or character == "\n" for character in without_pictures)
    assert "default-src 'none'" in html
    return page
