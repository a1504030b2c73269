"""The table of every method that a column expression can use."""

import polars as pl

from analysis_sandbox.dataframe.basic_methods import BASIC_METHODS
from analysis_sandbox.dataframe.calls import Methods, Scope
from analysis_sandbox.dataframe.date_methods import DATE_METHODS
from analysis_sandbox.dataframe.number_methods import NUMBER_METHODS
from analysis_sandbox.dataframe.text_methods import TEXT_METHODS

METHODS: Methods = {**BASIC_METHODS, **NUMBER_METHODS, **TEXT_METHODS, **DATE_METHODS}


def scope_of(schema: pl.Schema) -> Scope:
    """Return what expressions on a frame with this schema can refer to."""
    return Scope(schema, METHODS)
