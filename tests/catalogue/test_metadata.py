from uuid import uuid4

import pytest

from analysis_sandbox.catalogue.catalogue import Catalogue
from analysis_sandbox.catalogue.records import NewAnalysis, VersionRecord
from analysis_sandbox.errors import LimitExceededError, NotFoundError, ValidationFailedError
from analysis_sandbox.values import JSONValue
from tests.catalogue.making import new_version


@pytest.mark.parametrize(
    "value", [None, True, 7, 1.5, 2**70, "ä\u2028", [1, [2]], {"b": {"a": None}}, "", [], {}]
)
def test_a_value_comes_back_as_it_was(
    catalogue: Catalogue, analysis: VersionRecord, value: JSONValue
) -> None:
    metadata = catalogue.metadata

    metadata.set(analysis.project, analysis.analysis_id, "cursor", value)

    assert metadata.get(analysis.project, analysis.analysis_id, "cursor") == value
    assert metadata.has(analysis.project, analysis.analysis_id, "cursor")


def test_a_value_replaces_the_one_before(catalogue: Catalogue, analysis: VersionRecord) -> None:
    project, analysis_id = analysis.project, analysis.analysis_id
    catalogue.metadata.set(project, analysis_id, "last_id", 1)
    catalogue.metadata.set(project, analysis_id, "last_id", 2)

    assert catalogue.metadata.get(project, analysis_id, "last_id") == 2
    assert catalogue.metadata.list(project, analysis_id) == ["last_id"]


def test_what_was_never_set_is_none(catalogue: Catalogue, analysis: VersionRecord) -> None:
    for key in ("nothing", "nul\0"):
        assert catalogue.metadata.get(analysis.project, analysis.analysis_id, key) is None
        assert not catalogue.metadata.has(analysis.project, analysis.analysis_id, key)
        assert not catalogue.metadata.delete(analysis.project, analysis.analysis_id, key)


def test_the_own_value_wins_over_a_newer_one_of_the_project(
    catalogue: Catalogue, analysis: VersionRecord
) -> None:
    project = analysis.project
    others = [
        catalogue.analyses.create(NewAnalysis(project, name, new_version())).analysis_id
        for name in ("older", "newer")
    ]
    catalogue.metadata.set(project, analysis.analysis_id, "done", "own")
    for other, value in zip(others, ("older", "newer"), strict=True):
        catalogue.metadata.set(project, other, "done", value)

    assert catalogue.metadata.get(project, analysis.analysis_id, "done") == "own"
    assert catalogue.metadata.delete(project, analysis.analysis_id, "done")
    assert catalogue.metadata.get(project, analysis.analysis_id, "done") == "newer"
    assert catalogue.metadata.get("another", analysis.analysis_id, "done") is None


def test_keys_and_the_snapshot_are_the_analysis_own(
    catalogue: Catalogue, analysis: VersionRecord
) -> None:
    project = analysis.project
    other = catalogue.analyses.create(NewAnalysis(project, "other", new_version()))
    catalogue.metadata.set(project, other.analysis_id, "theirs", 1)
    catalogue.metadata.set(project, analysis.analysis_id, "b", 2)
    catalogue.metadata.set(project, analysis.analysis_id, "Z", 1)

    assert catalogue.metadata.list(project, analysis.analysis_id) == ["Z", "b"]
    assert catalogue.metadata.snapshot(analysis.analysis_id) == {"Z": 1, "b": 2}


def test_a_value_may_have_256_kb_and_not_a_byte_more(
    catalogue: Catalogue, analysis: VersionRecord
) -> None:
    largest = "ä" * ((256 * 1024 - 2) // 2)
    catalogue.metadata.set(analysis.project, analysis.analysis_id, "large", largest)

    with pytest.raises(LimitExceededError, match="262145 bytes as JSON; at most 262144") as caught:
        catalogue.metadata.set(analysis.project, analysis.analysis_id, "large", largest + "b")

    assert caught.value.details == {"used": 262145, "allowed": 262144}
    assert catalogue.metadata.get(analysis.project, analysis.analysis_id, "large") == largest


def test_a_long_key_is_refused_with_both_figures(
    catalogue: Catalogue, analysis: VersionRecord
) -> None:
    with pytest.raises(LimitExceededError, match="513 characters; at most 512"):
        catalogue.metadata.set(analysis.project, analysis.analysis_id, "k" * 513, 1)


@pytest.mark.parametrize("key", ["run_id", "analysis_id", "version", "attempt"])
def test_built_in_keys_cannot_be_set(
    catalogue: Catalogue, analysis: VersionRecord, key: str
) -> None:
    with pytest.raises(ValidationFailedError, match="built in"):
        catalogue.metadata.set(analysis.project, analysis.analysis_id, key, 1)


@pytest.mark.parametrize("value", ["nul \0", {"nul \0": 1}, "\ud800", [float("inf")]])
def test_a_value_that_cannot_be_kept_exactly_is_refused(
    catalogue: Catalogue, analysis: VersionRecord, value: JSONValue
) -> None:
    with pytest.raises(ValidationFailedError, match="'cursor' cannot be stored"):
        catalogue.metadata.set(analysis.project, analysis.analysis_id, "cursor", value)


def test_a_backslash_before_u0000_is_no_nul(catalogue: Catalogue, analysis: VersionRecord) -> None:
    catalogue.metadata.set(analysis.project, analysis.analysis_id, "path", "C:\\u0000")

    assert catalogue.metadata.get(analysis.project, analysis.analysis_id, "path") == "C:\\u0000"


def test_metadata_of_an_unknown_analysis_is_refused(catalogue: Catalogue, project: str) -> None:
    with pytest.raises(NotFoundError):
        catalogue.metadata.set(project, uuid4(), "key", 1)
