"""Tables, their names and their rows, as every SQL type has them; knows no driver."""

import difflib
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from analysis_sandbox.datasources.rows import RowEncoder
from analysis_sandbox.errors import NotFoundError, ValidationFailedError
from analysis_sandbox.sql.tokens import Dialect, Kind, tokenize
from analysis_sandbox.values import EncodedJSON

STREAM_ROWS = 1000
MOST_STREAM_ROWS = 100_000
MOST_SAMPLED = 1000
_OPTIONS = frozenset({"params", "batchSize"})


@dataclass(frozen=True, slots=True)
class InsertRows:
    """Rows that were given as objects: the columns that any of them has, and a value for each."""

    columns: tuple[str, ...]
    rows: tuple[tuple[object, ...], ...]


def insert_rows(rows: object) -> InsertRows:
    """Return rows given as a list of objects; a member that a row does not have is null.

    Raises:
        ValidationFailedError: no list, an item that is no object, or one without members.
    """
    if not isinstance(rows, Sequence) or isinstance(rows, str | bytes):
        raise ValidationFailedError("insert needs the rows as a list of objects")
    items = cast("Sequence[object]", rows)
    for number, item in enumerate(items, 1):
        if not isinstance(item, Mapping) or not item:
            raise ValidationFailedError(
                f"insert needs objects with a member for each column; row {number} is none"
            )
    objects = cast("Sequence[Mapping[str, object]]", items)
    columns = tuple(dict.fromkeys(name for item in objects for name in item))
    return InsertRows(columns, tuple(tuple(item.get(name) for name in columns) for item in objects))


def stream_arguments(params: object, batch_size: object) -> tuple[object, int]:
    """Return the values and the rows per batch of `stream(sql, params?, batchSize?)`.

    Instead of either, an object with `params` and `batchSize` may be given.

    Raises:
        ValidationFailedError: the rows per batch are no number from 1 to 100,000.
    """
    for given in (batch_size, params):
        if not isinstance(given, Mapping):
            continue
        options = cast("Mapping[str, object]", given)
        if options.keys() <= _OPTIONS and (given is batch_size or options):
            params = options.get("params", None if given is params else params)
            batch_size = options.get("batchSize")
            break
    if batch_size is None:
        return params, STREAM_ROWS
    if isinstance(batch_size, float) and batch_size.is_integer():
        batch_size = int(batch_size)
    is_count = isinstance(batch_size, int) and not isinstance(batch_size, bool)
    if not is_count or not 1 <= cast("int", batch_size) <= MOST_STREAM_ROWS:
        raise ValidationFailedError(f"batchSize must be a number from 1 to {MOST_STREAM_ROWS:,}")
    return params, cast("int", batch_size)


def chunk(names: Sequence[str], rows: Sequence[Sequence[object]], *, max_bytes: int) -> EncodedJSON:
    """Return rows of plain JSON data as one chunk of a stream.

    Raises:
        LimitExceededError: it is larger than `max_bytes`; a smaller batchSize helps.
    """
    encoder = RowEncoder(names, max_bytes=max_bytes, hint="Ask for fewer rows at once (batchSize).")
    encoder.add(rows)
    return encoder.text()


def name_parts(name: object, *, dialect: Dialect) -> tuple[str, ...]:
    """Return the parts of a table's name such as `orders`, `sales.orders` or `"My Table"`.

    Raises:
        ValidationFailedError: not the name of a table.
    """
    if not isinstance(name, str) or not name.strip() or "\0" in name:
        raise ValidationFailedError("A table is given by its name, as text")
    parts: list[str] = []
    plain = True
    for token in tokenize(name.strip(), dialect):
        if token.text == ".":
            parts.append("")
        elif token.kind is Kind.QUOTED and len(token.text) > 2:
            mark = token.text[-1]
            parts[-1:] = [*parts[-1:-1], token.text[1:-1].replace(mark * 2, mark)]
        else:
            plain = token.kind in (Kind.WORD, Kind.NUMBER) and plain
            parts[-1:] = [*parts[-1:-1], (parts[-1] if parts else "") + token.text]
    if not plain or not parts or not all(parts):
        # Names of warehouse tables and objects may have any sign; those are one part.
        return (name.strip(),)
    return tuple(parts)


def quoted(parts: Sequence[str], mark: str = '"') -> str:
    """Return a name for a statement, each part in quotes."""
    return ".".join(f"{mark}{part.replace(mark, mark * 2)}{mark}" for part in parts)


def table_not_found(name: str, known: Collection[str], *, datasource: str) -> NotFoundError:
    """Return the error for a table that is not there, with the nearest that are."""
    nearest = difflib.get_close_matches(name, known, n=3)
    hint = f"Did you mean {', '.join(nearest)}?" if nearest else None
    return NotFoundError(
        f"Datasource {datasource!r} has no table or view {name!r}",
        hint=hint or "The catalog lists what there is.",
        details={"datasource": datasource, "nearest": nearest},
    )


def sample_size(limit: object) -> int:
    """Return how many rows a sample may have.

    Raises:
        ValidationFailedError: no number from 1 to 1000.
    """
    if isinstance(limit, bool) or not isinstance(limit, int) or not 1 <= limit <= MOST_SAMPLED:
        raise ValidationFailedError(f"A sample has from 1 to {MOST_SAMPLED} rows")
    return limit
