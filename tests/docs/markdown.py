"""What the documentation's tests read: pages, their fenced blocks, links and tables."""

from __future__ import annotations

import re
from pathlib import Path

from attrs import evolve, frozen

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
PAGES = [
    *sorted(ROOT.glob("*.md")),
    *sorted(DOCS.rglob("*.md")),
    *sorted(ROOT.glob("src/*/README.md")),
]
_FENCE = re.compile(r"^```(?P<language>[^\n]*)\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL)
_COMMENT = re.compile(r"(?:^|[ \t]+)# .*$", re.MULTILINE)
_COMMENTED = {"bash", "python", "sh", "toml", "yaml"}
_HEADING = re.compile(r"^(?P<marks>#+) (?P<title>.+)$", re.MULTILINE)
_LINK = re.compile(r"(?<!!)\[[^\]]*\]\((?P<target>[^)\s]+)\)")


@frozen
class Block:
    """A fenced block. `before` is the last line with text above it: a comment, or a file's name."""

    language: str
    text: str
    before: str


def read(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def blocks(page: Path, language: str | None = None) -> list[Block]:
    """Return a page's fenced blocks, of one language or of all."""
    text = read(page)
    found = []
    for match in _FENCE.finditer(text):
        above = text[: match.start()].rstrip().rpartition("\n")[2]
        if language in (None, match["language"]):
            found.append(Block(match["language"], match["text"], above))
    return found


def uncommented(block: Block) -> Block:
    """Return a block whose comments say nothing: all that a translation may change in it."""
    if block.language not in _COMMENTED:
        return evolve(block, before="")
    return evolve(block, text=_COMMENT.sub("#", block.text), before="")


@frozen
class Section:
    """What stands under one heading, up to the next one, without its fenced blocks."""

    level: int
    title: str
    text: str


def sections(page: Path) -> list[Section]:
    """Return a page's sections, in order."""
    text = _FENCE.sub("", read(page))
    found = list(_HEADING.finditer(text))
    ends = [match.start() for match in found[1:]] + [len(text)]
    return [
        Section(len(match["marks"]), match["title"], text[match.end() : end])
        for match, end in zip(found, ends, strict=True)
    ]


def marked(page: Path, mark: str) -> str:
    """Return the text of the block under the comment `<!-- mark -->`."""
    (found,) = [block.text for block in blocks(page) if block.before == f"<!-- {mark} -->"]
    return found.strip()


def links(page: Path) -> list[str]:
    """Return the targets of a page's links; what is in fenced blocks is no link."""
    return links_in(_FENCE.sub("", read(page)))


def links_in(text: str) -> list[str]:
    """Return the targets of the links in a text without fenced blocks."""
    return [match["target"] for match in _LINK.finditer(text)]


def tables(page: Path) -> list[list[list[str]]]:
    """Return a page's tables as rows of cells, without the head's rule."""
    return tables_in(_FENCE.sub("", read(page)))


def tables_in(text: str) -> list[list[list[str]]]:
    """Return the tables of a text without fenced blocks."""
    found: list[list[list[str]]] = [[]]
    for line in text.splitlines():
        if not line.startswith("|"):
            found.append([])
        elif not set(line) <= set("|-: "):
            found[-1].append([cell.strip() for cell in line.strip("|").split("|")])
    return [rows for rows in found if rows]


def code_words(text: str) -> set[str]:
    """Return what stands between backticks."""
    return set(re.findall(r"`([^`\n]+)`", text))
