"""Which names analyses may have, and how names and titles make each other."""

import re

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from analysis_sandbox.errors import ValidationFailedError
from analysis_sandbox.script.names import check_name, name_from_title, title_from_name


@pytest.mark.parametrize("name", ["a", "monthly_report", "r2_d2", "a_", "x" * 255, "job"])
def test_lower_case_words_with_single_underscores_are_names(name: str) -> None:
    assert check_name(name) == name


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("", "is empty"),
        ("jobs", "is reserved"),
        ("Monthly", "must start with a letter a-z"),
        ("2024_report", "must start with a letter a-z"),
        ("_report", "must start with a letter a-z"),
        ("monthly-report", "only a-z, 0-9 and _"),
        ("monthly report", "only a-z, 0-9 and _"),
        ("café", "only a-z, 0-9 and _"),
        ("report\n", "only a-z, 0-9 and _"),
        ("daily__sales", "holds '__'"),
        ("x" * 256, "has 256 characters; the limit is 255"),
    ],
)
def test_other_names_are_refused_with_the_reason(name: str, problem: str) -> None:
    with pytest.raises(ValidationFailedError, match=re.escape(problem)) as caught:
        check_name(name)
    assert problem in caught.value.fields["name"]


@pytest.mark.parametrize(
    ("title", "name"),
    [
        ("Parcels per gate", "parcels_per_gate"),
        ("Meters: read & sort  by zone!", "meters_read_sort_by_zone"),
        ("Café déjà vu", "cafe_deja_vu"),
        ("2024 figures", "analysis_2024_figures"),
        ("__init__", "init"),
        ("ﬁne", "fine"),
        ("x" * 300, "x" * 200),
    ],
)
def test_a_name_is_derived_from_a_title(title: str, name: str) -> None:
    assert name_from_title(title) == name


@pytest.mark.parametrize("title", ["", "   ", "!!!", "报告", "\ud800", "Jobs"])
def test_a_title_that_leaves_no_name_is_refused(title: str) -> None:
    with pytest.raises(ValidationFailedError):
        name_from_title(title)


@given(st.text())
def test_a_derived_name_is_always_a_valid_one(title: str) -> None:
    try:
        name = name_from_title(title)
    except ValidationFailedError:
        assume(False)
    else:
        assert check_name(name) == name


@given(st.from_regex(r"[a-z]([a-z0-9]|_(?!_)){0,60}", fullmatch=True).filter(lambda n: n != "jobs"))
def test_a_title_made_of_a_name_leads_back_to_it(name: str) -> None:
    assert name_from_title(title_from_name(name)) == name.rstrip("_")


def test_a_title_is_made_of_a_name() -> None:
    assert title_from_name("conditional_execution") == "Conditional execution"
