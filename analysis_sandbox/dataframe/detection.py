"""Dates and times in columns of text: rows of JavaScript have no other way to hold them."""

from collections.abc import Mapping

import polars as pl

_DAY = r"^\d{4}-\d{2}-\d{2}$"
_TIME = r"^\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?"
_KINDS: Mapping[str, pl.DataType] = {
    _DAY: pl.Date(),
    _TIME + "$": pl.Datetime("us"),
    _TIME + r"(Z|[+-]\d{2}:?\d{2})$": pl.Datetime("us", "UTC"),
}


def with_dates(frame: pl.DataFrame) -> pl.DataFrame:
    """Return the frame with every text column that holds nothing but ISO 8601 dates as dates.

    A column of days becomes a date, one of days with times a datetime (in UTC where every value has
    a zone). Columns with anything else in them stay as they are.
    """
    detected = [
        column
        for series in frame.iter_columns()
        if series.dtype == pl.String and (column := _detected(series)) is not None
    ]
    return frame.with_columns(detected) if detected else frame


def _detected(series: pl.Series) -> pl.Series | None:
    known = series.drop_nulls()
    if known.is_empty():
        return None
    for pattern, dtype in _KINDS.items():
        if known.str.contains(pattern).all():
            column = _parsed(series, dtype)
            # A day that the calendar does not have is text after all.
            return column if column.null_count() == series.null_count() else None
    return None


def _parsed(series: pl.Series, dtype: pl.DataType) -> pl.Series:
    if isinstance(dtype, pl.Date):
        return series.str.to_date("%Y-%m-%d", strict=False)
    text = series.str.replace(" ", "T", literal=True)
    has_zone = isinstance(dtype, pl.Datetime) and dtype.time_zone is not None
    if has_zone:
        text = text.str.replace("Z$", "+00:00")
    # Seconds are optional in ISO 8601, not in the format.
    text = text.str.replace(r"(T\d{2}:\d{2})($|[Z+-])", "${1}:00${2}")
    zone = "%:z" if has_zone else ""
    return text.str.to_datetime(f"%Y-%m-%dT%H:%M:%S%.f{zone}", time_unit="us", strict=False)
