"""Types are found by their entry points, and the three ways that can fail are told apart."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from analysis_sandbox.datasources.registry import installed_types, load_type
from analysis_sandbox.datasources.sqlite.datasource import SQLiteDatasource
from analysis_sandbox.errors import ConfigurationError, MissingDependencyError

Install = Callable[..., None]


@pytest.fixture
def install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Install]:
    """Installs packages that are real to importlib.metadata: their metadata on the path."""
    monkeypatch.syspath_prepend(tmp_path)

    def add(package: str, entry: str, **modules: str) -> None:
        metadata = tmp_path / f"{package}-1.0.dist-info"
        metadata.mkdir()
        (metadata / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n", encoding="utf-8"
        )
        (metadata / "entry_points.txt").write_text(
            f"[analysis_sandbox.datasources]\n{entry}\n", encoding="utf-8"
        )
        for name, source in modules.items():
            (tmp_path / f"{name}.py").write_text(source, encoding="utf-8")
        installed_types.cache_clear()

    yield add
    monkeypatch.undo()
    installed_types.cache_clear()
    load_type.cache_clear()


def test_the_types_of_this_package_are_installed() -> None:
    assert {"postgresql", "sqlite"} <= set(installed_types())
    assert load_type("sqlite") is SQLiteDatasource


def test_a_type_of_another_package_is_found(install: Install) -> None:
    install(
        "acme-data",
        "acme = acme_data:Acme",
        acme_data="class Acme:\n    type_name = 'acme'\n",
    )

    assert load_type("acme").type_name == "acme"


def test_an_unknown_type_lists_the_known() -> None:
    with pytest.raises(ConfigurationError, match=r"'oracle'\. Known types: .*postgresql, .*sqlite"):
        load_type("oracle")


def test_a_missing_driver_says_how_to_install_it(install: Install) -> None:
    install(
        "acme-data",
        "acme = acme_data_driver:Acme [fast]",
        acme_data_driver="import acme_driver_that_is_not_there\n",
    )

    with pytest.raises(MissingDependencyError) as caught:
        load_type("acme")

    assert "'acme_driver_that_is_not_there'" in caught.value.message
    assert "pip install 'acme-data[fast]'" in caught.value.message


def test_two_packages_that_claim_one_type_are_both_named(install: Install) -> None:
    install("acme-data", "acme = acme_one:Acme")
    install("other-data", "acme = acme_two:Acme")

    with pytest.raises(ConfigurationError, match="more than one package: acme-data, other-data"):
        load_type("acme")


def test_a_package_that_is_found_twice_is_one(install: Install, tmp_path: Path) -> None:
    install("acme-data", "acme = acme_again:Acme", acme_again="class Acme: ...\n")
    twin = tmp_path / "acme_data-1.1.dist-info"
    twin.mkdir()
    for name in ("METADATA", "entry_points.txt"):
        text = (tmp_path / "acme-data-1.0.dist-info" / name).read_text(encoding="utf-8")
        (twin / name).write_text(text, encoding="utf-8")

    assert load_type("acme").__name__ == "Acme"


def test_a_claim_without_a_class_names_the_package(install: Install) -> None:
    install("acme-data", "acme = acme_empty:Acme", acme_empty="")

    with pytest.raises(ConfigurationError, match=r"'acme-data' claims .* has no acme_empty:Acme"):
        load_type("acme")
