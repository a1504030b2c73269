"""Writes docs/ctx.md from analysis.d.ts: `python -m tests.runtime.ctx_document`."""

import re
from collections.abc import Iterator
from pathlib import Path

from analysis_sandbox.sandbox import runtime
from tests.runtime.declarations import Declaration, Doc, Member, declarations

DOCUMENT = Path(__file__).parents[2] / "docs" / "ctx.md"
_HEAD = """# The types of a script

What a script exports, what `ctx` offers and what there is beside the language. Made by
`python -m tests.runtime.ctx_document` from
[analysis.d.ts](../analysis_sandbox/sandbox/runtime/analysis.d.ts). The guide is
[writing-analyses.md](writing-analyses.md).
"""


def ctx_document() -> str:
    """Return the document as it must be."""
    return _HEAD + "".join(_sections())


def _sections() -> Iterator[str]:
    section = ""
    for declaration in declarations(runtime.read(runtime.TYPE_DEFINITIONS)):
        if declaration.section != section:
            section = declaration.section
            yield f"\n## {section}\n"
        yield _entry(declaration)


def _entry(declaration: Declaration) -> str:
    title = f"\n### {declaration.name}\n\n"
    members = "".join(_member(member) for member in declaration.members)
    if not members:
        return title + _said(declaration.doc, "") + _code(declaration.text, "ts")
    return title + _said(declaration.doc, "") + "\n" + members


def _member(member: Member) -> str:
    signature = re.sub(r"\s+", " ", member.text)
    said = _said(member.doc, "  ")
    return f"- `{signature}`\n{said}"


def _said(doc: Doc, indent: str) -> str:
    lines = [*doc.text.splitlines()]
    for example in doc.examples:
        lines += ["", "```js", *example.splitlines(), "```"]
    return "".join(f"{indent}{line}".rstrip() + "\n" for line in lines)


def _code(text: str, language: str) -> str:
    return f"\n```{language}\n{text}\n```\n"


if __name__ == "__main__":
    DOCUMENT.write_text(ctx_document(), encoding="utf-8")
