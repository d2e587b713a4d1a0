"""Markdown: its structure as written, its text without the signs of markup."""

from __future__ import annotations

from collections.abc import Iterator

import yaml
from markdown_it import MarkdownIt
from markdown_it.token import Token

from distiller.corpus.blocks import Block, Reading, one_line, table_text, tidy
from distiller.corpus.readers.html import html_blocks
from distiller.corpus.readers.plain import decoded


def read_markdown(data: bytes) -> Reading:
    """Headings, paragraphs, list items, code and tables of CommonMark with tables."""
    text, notes = decoded(data)
    title, body = _front_matter(text.replace("\r\n", "\n"))
    tokens = MarkdownIt("commonmark").enable("table").parse(body)
    return Reading(_blocks(tokens), title=title, notes=notes)


def _front_matter(text: str) -> tuple[str, str]:
    """The title in the YAML at the top, and the text below it."""
    if not text.startswith("---\n") or (end := text.find("\n---\n", 3)) < 0:
        return "", text
    try:
        found = yaml.safe_load(text[4:end])
    except yaml.YAMLError:
        return "", text
    if not isinstance(found, dict):
        return "", text
    return one_line(str(found.get("title") or "")), text[end + 5 :]


def _blocks(tokens: list[Token]) -> Iterator[Block]:
    depth, rows = 0, list[list[str]]()
    for at, token in enumerate(tokens):
        if token.type in ("list_item_open", "list_item_close"):
            depth += 1 if token.nesting > 0 else -1
        elif token.type == "tr_open":
            rows.append([])
        elif token.type == "table_close":
            yield Block("table", table_text(rows))
            rows = []
        elif token.type == "inline":
            parent = tokens[at - 1]
            if rows:
                rows[-1].append(_plain(token))
            elif parent.type == "heading_open":
                yield Block("heading", one_line(_plain(token)), level=int(parent.tag[1]))
            else:
                yield Block("item" if depth else "paragraph", tidy(_plain(token)))
        elif token.type in ("fence", "code_block"):
            yield Block("paragraph", tidy(token.content))
        elif token.type == "html_block":
            yield from html_blocks(token.content)


def _plain(token: Token) -> str:
    """What a reader sees of a line: link texts without their targets, no stars."""
    parts = []
    for child in token.children or []:
        if child.type in ("softbreak", "hardbreak"):
            parts.append("\n")
        elif child.type == "image":
            parts.append(_plain(child) if child.children else child.content)
        elif child.type in ("text", "code_inline", "text_special"):
            parts.append(child.content)
    return "".join(parts)
