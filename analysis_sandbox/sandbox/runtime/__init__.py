"""The JavaScript that scripts see, and its type definitions."""

from pathlib import Path

# In the order of their needs: each takes the shared object and adds to it.
SCRIPTS = (
    "bridge.js",
    "values.js",
    "formatting.js",
    "language/prelude.js",
    "language/encoding.js",
    "language/clone.js",
    "language/buffer.js",
    "language/buffer_methods.js",
    "language/url_host.js",
    "language/url_parser.js",
    "language/url_search.js",
    "language/url.js",
    "intl/intl.js",
    "intl/digits.js",
    "intl/patterns.js",
    "intl/number_options.js",
    "intl/number.js",
    "intl/zone.js",
    "intl/date_options.js",
    "intl/date.js",
    "intl/words.js",
    "intl/collator.js",
    "intl/methods.js",
    "language/crypto.js",
    "language/abort.js",
    "language/console.js",
    "dataframe/misuse.js",
    "dataframe/expressions.js",
    "dataframe/columns.js",
    "dataframe/operators.js",
    "dataframe/arguments.js",
    "dataframe/rows.js",
    "dataframe/dataframe.js",
    "dataframe/grouped.js",
    "ctx/guards.js",
    "ctx/rows.js",
    "ctx/streams.js",
    "ctx/sources.js",
    "ctx/utils.js",
    "ctx/display.js",
    "ctx/ctx.js",
    "entries.js",
)
TYPE_DEFINITIONS = "analysis.d.ts"
# What stacks say instead of a file of the author; the scripts know it too.
PREFIX = "analysis-sandbox:"


def read(name: str) -> str:
    """Return the text of one runtime file."""
    return (Path(__file__).parent / name).read_text(encoding="utf-8")


def scripts() -> list[tuple[str, str]]:
    """Return the runtime scripts in order, each with the name that stacks give it."""
    return [(PREFIX + name, read(name)) for name in SCRIPTS]
