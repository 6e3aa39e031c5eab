"""An HTML page as a tree, to ask it questions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from html.parser import HTMLParser

_VOID = {"meta", "link", "br", "img", "wbr", "hr", "input"}


@dataclass
class Element:
    """One element; its children are elements and text."""

    tag: str
    attributes: dict[str, str]
    parent: Element | None = None
    children: list[Element | str] = field(default_factory=list)

    @property
    def text(self) -> str:
        parts = (child if isinstance(child, str) else child.text for child in self.children)
        return " ".join("".join(parts).split())

    def all(self, *tags: str, **attributes: str) -> Iterator[Element]:
        """The elements below of these tags; `class_` asks for one of the classes."""
        for child in self.children:
            if isinstance(child, Element):
                if (not tags or child.tag in tags) and child.has(**attributes):
                    yield child
                yield from child.all(*tags, **attributes)

    def has(self, **attributes: str) -> bool:
        return all(
            value in self.attributes.get("class", "").split()
            if name == "class_"
            else self.attributes.get(name) == value
            for name, value in attributes.items()
        )

    def one(self, *tags: str, **attributes: str) -> Element:
        found = list(self.all(*tags, **attributes))
        assert len(found) == 1, (tags, attributes, len(found))
        return found[0]

    def texts(self) -> Iterator[tuple[str, Element]]:
        """Every piece of text with the element that holds it."""
        for child in self.children:
            if isinstance(child, str):
                yield child, self
            else:
                yield from child.texts()

    def is_within(self, tag: str) -> bool:
        return self.tag == tag or (self.parent is not None and self.parent.is_within(tag))


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.at = self.root = Element("", {})

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        element = Element(tag, {name: value or "" for name, value in attrs}, self.at)
        self.at.children.append(element)
        if tag not in _VOID:
            self.at = element

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.at.children.append(Element(tag, {name: value or "" for name, value in attrs}, self.at))

    def handle_endtag(self, tag: str) -> None:
        assert self.at.tag == tag, f"</{tag}> closes <{self.at.tag}>"
        assert self.at.parent is not None
        self.at = self.at.parent

    def handle_data(self, data: str) -> None:
        self.at.children.append(data)


def read_html(html: str) -> Element:
    """The tree of a page, every element of which is closed."""
    reader = _Reader()
    reader.feed(html)
    reader.close()
    assert reader.at is reader.root, f"<{reader.at.tag}> is not closed"
    return reader.root
