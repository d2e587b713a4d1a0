"""HTML: what a reader of the page reads, without its navigation and scripts."""

from __future__ import annotations

import re
from collections.abc import Iterator

from lxml import etree, html

from distiller.corpus.blocks import Block, Reading, Unreadable, one_line, table_text, tidy
from distiller.corpus.readers.plain import decoded

_DECLARED = re.compile(rb"<meta[^>]{0,200}charset\s*=\s*[\"']?\s*([\w-]+)", re.IGNORECASE)
_SILENT = {
    *("script", "style", "noscript", "template", "svg", "nav", "footer", "aside", "form"),
    *("head", "button", "select", "iframe", "object", "canvas"),
}
_BLOCKS = {
    *("address", "article", "blockquote", "body", "center", "dd", "details", "div", "dl", "dt"),
    *("fieldset", "figcaption", "figure", "header", "hr", "html", "li", "main", "ol", "p", "pre"),
    *("section", "summary", "table", "ul", "h1", "h2", "h3", "h4", "h5", "h6"),
}
_LEAST_OF_MAIN = 200
"""Characters that a page's `main` must have to be taken for its content."""


def read_html(data: bytes) -> Reading:
    """Headings, paragraphs, list items and tables of a page's main part."""
    text, notes = _characters(data)
    if not text.strip():
        return Reading(iter(()), notes=notes)
    page = _parsed(text)
    title = page.findtext(".//title") or ""
    return Reading(_walked(_main(page)), title=one_line(title), notes=notes)


def html_blocks(fragment: str) -> Iterator[Block]:
    """The blocks of a piece of HTML that stands in another text."""
    if not re.sub(r"<!--.*?-->", "", fragment, flags=re.DOTALL).strip():
        return
    yield from _walked(_parsed(f"<body>{fragment}</body>"))


def _characters(data: bytes) -> tuple[str, list[str]]:
    declared = _DECLARED.search(data[:4096])
    if declared:
        try:
            return data.decode(declared[1].decode("ascii")), []
        except (LookupError, UnicodeDecodeError):
            pass  # a page that says one thing and is another is common
    return decoded(data)


def _parsed(text: str) -> html.HtmlElement:
    try:
        # As bytes, for lxml refuses text that declares an encoding.
        parser = html.HTMLParser(encoding="utf-8", remove_comments=True, remove_pis=True)
        return html.document_fromstring(text.encode("utf-8", "replace"), parser=parser)
    except (etree.ParserError, etree.XMLSyntaxError, ValueError) as error:
        raise Unreadable("is not HTML; give it the ending of what it is") from error


def _main(page: html.HtmlElement) -> html.HtmlElement:
    found = page.xpath("//main | //*[@role='main']") or page.xpath("//article")
    if len(found) == 1 and len(found[0].text_content()) >= _LEAST_OF_MAIN:
        return found[0]
    body = page.find("body")
    return page if body is None else body


def _walked(root: html.HtmlElement) -> Iterator[Block]:
    """Blocks of an element in document order; text between blocks is a paragraph."""
    walker = _Walker()
    for event, element in etree.iterwalk(root, events=("start", "end")):
        yield from walker.begin(element) if event == "start" else walker.end(element, root)
    yield from walker.close()


class _Walker:
    """Gathers text until a block begins or ends."""

    def __init__(self) -> None:
        self._text: list[str] = []
        self._silent = 0
        self._items = 0

    def begin(self, element: html.HtmlElement) -> Iterator[Block]:
        tag = element.tag
        if tag in _SILENT or self._silent:
            self._silent += 1
            return
        if tag == "table":
            yield from self._flush()
            yield from _table(element)
            self._silent = 1
            return
        if tag in _BLOCKS:
            yield from self._flush()
        self._items += tag in ("li", "dd", "dt")
        if tag == "br":
            self._text.append("\n")
        self._say(element.text, keep=tag == "pre")

    def end(self, element: html.HtmlElement, root: html.HtmlElement) -> Iterator[Block]:
        tag = element.tag
        if self._silent:
            self._silent -= 1
        else:
            if tag in _BLOCKS:
                yield from self._flush(tag)
            self._items -= tag in ("li", "dd", "dt")
        if not self._silent and element is not root:
            self._say(element.tail)

    def close(self) -> Iterator[Block]:
        yield from self._flush()

    def _say(self, text: str | None, *, keep: bool = False) -> None:
        if text:
            self._text.append(text if keep else re.sub(r"\s+", " ", text))

    def _flush(self, tag: str = "") -> Iterator[Block]:
        text = tidy("".join(self._text))
        self._text = []
        if not text:
            return
        if re.fullmatch(r"h[1-6]", tag):
            yield Block("heading", one_line(text), level=int(tag[1]))
        else:
            yield Block("item" if self._items else "paragraph", text)


def _table(table: html.HtmlElement) -> Iterator[Block]:
    """A table of data as lines; one that only lays out the page, as what its cells hold."""
    if table.xpath(".//table | .//h1 | .//h2 | .//h3") or not table.xpath(".//tr[count(*) > 1]"):
        for cell in table.xpath(".//td[not(.//table)] | .//th[not(.//table)] | .//caption"):
            yield from _walked(cell)
        return
    for caption in table.xpath("./caption"):
        yield Block("paragraph", one_line(caption.text_content()))
    rows = [[cell.text_content() for cell in row.xpath("./td | ./th")] for row in table.iter("tr")]
    yield Block("table", table_text(rows))
