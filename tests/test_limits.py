"""The limits of a run: whose wish holds, and what no wish may exceed."""

from pathlib import Path

import pytest
from pydantic import ValidationError

from analysis_sandbox.errors import ConfigurationError
from analysis_sandbox.limits import (
    MAXIMUM_LIMITS,
    UNITS,
    LimitOverrides,
    Limits,
    SystemLimits,
    effective_limits,
    over_maximum,
)
from analysis_sandbox.settings import load_settings


def test_every_limit_can_be_overridden_and_has_a_unit_and_a_maximum() -> None:
    names = list(Limits.model_fields)

    assert list(LimitOverrides.model_fields) == names
    assert list(UNITS) == names
    assert [name for name in names if getattr(MAXIMUM_LIMITS, name) is None] == []
    assert over_maximum(LimitOverrides(**Limits().model_dump()), MAXIMUM_LIMITS) == {}


def test_what_is_set_wins_over_the_script_and_the_script_over_the_installation() -> None:
    system = SystemLimits.of(LimitOverrides(memory_mb=128, log_lines=50), LimitOverrides())

    effective = effective_limits(
        system,
        LimitOverrides(memory_mb=512, timeout_ms=60_000),
        stored=LimitOverrides(memory_mb=1024),
    )

    assert (effective.limits.memory_mb, effective.sources["memory_mb"]) == (1024, "stored")
    assert (effective.limits.timeout_ms, effective.sources["timeout_ms"]) == (60_000, "script")
    assert (effective.limits.log_lines, effective.sources["log_lines"]) == (50, "system")
    assert (effective.limits.frame_mb, effective.sources["frame_mb"]) == (64, "default")
    assert effective.warnings == ()


def test_a_value_above_a_maximum_lowered_later_is_lowered_aloud() -> None:
    system = SystemLimits.of(LimitOverrides(), LimitOverrides(memory_mb=512, timeout_ms=10_000))

    effective = effective_limits(
        system,
        LimitOverrides(memory_mb=1024, timeout_ms=20_000),
        stored=LimitOverrides(memory_mb=2048),
    )

    assert (effective.limits.memory_mb, effective.limits.timeout_ms) == (512, 10_000)
    memory, time = effective.warnings
    assert memory == (
        "memory_mb is lowered to the installation's maximum of 512 MB; "
        "what is set for the analysis is 2048 MB"
    )
    assert time == (
        "timeout_ms is lowered to the installation's maximum of 10000 ms; "
        "its script asks for 20000 ms"
    )


def test_a_stored_value_within_bounds_hides_what_the_script_asked_for() -> None:
    effective = effective_limits(
        SystemLimits(), LimitOverrides(memory_mb=9999), stored=LimitOverrides(memory_mb=64)
    )

    assert (effective.limits.memory_mb, effective.warnings) == (64, ())


@pytest.mark.parametrize(
    ("scheduled", "stored", "expected"), [(False, None, None), (True, None, 1), (True, 4, 4)]
)
def test_a_scheduled_analysis_runs_once_at_a_time_unless_told_otherwise(
    *, scheduled: bool, stored: int | None, expected: int | None
) -> None:
    effective = effective_limits(
        SystemLimits(), stored=LimitOverrides(max_concurrent_runs=stored), scheduled=scheduled
    )

    assert effective.limits.max_concurrent_runs == expected


def test_a_lower_maximum_lowers_the_built_in_default() -> None:
    system = SystemLimits.of(LimitOverrides(), LimitOverrides(memory_mb=100))

    assert system.default.memory_mb == 100
    assert effective_limits(system).sources["memory_mb"] == "system"


@pytest.mark.parametrize(
    "values", [{"memory": 5}, {"memory_mb": 1}, {"result_size_mb": float("inf")}, {"log_lines": 0}]
)
def test_what_makes_no_sense_is_refused(values: dict[str, object]) -> None:
    with pytest.raises(ValidationError):
        LimitOverrides.model_validate(values)


def test_an_installation_states_its_limits_and_packages_in_its_configuration(
    tmp_path: Path,
) -> None:
    (tmp_path / "config.toml").write_text(
        "[limits.default]\nmemory_mb = 128\n[limits.maximum]\nmemory_mb = 512\n"
        '[packages]\ndefault = ["csv-parse@^5"]\n',
        encoding="utf-8",
    )

    settings = load_settings(tmp_path)

    assert settings.system_limits.default.memory_mb == 128
    assert settings.system_limits.maximum.memory_mb == 512
    assert settings.packages == {"default": ["csv-parse@^5"]}


def test_the_environment_states_limits_as_json(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ANALYSIS_SANDBOX_LIMITS", '{"maximum": {"timeout_ms": 1000}}')

    system = load_settings(tmp_path).system_limits

    assert (system.maximum.timeout_ms, system.default.timeout_ms) == (1000, 1000)
    monkeypatch.setenv("ANALYSIS_SANDBOX_LIMITS", "{")
    with pytest.raises(ConfigurationError, match=r"limits: .*is not JSON"):
        load_settings(tmp_path)


def test_a_default_above_the_maximum_is_a_configuration_error_with_both_figures(
    tmp_path: Path,
) -> None:
    (tmp_path / "config.toml").write_text(
        "[limits.default]\nmemory_mb = 1024\n[limits.maximum]\nmemory_mb = 512\n", encoding="utf-8"
    )

    with pytest.raises(
        ConfigurationError, match=r"default\.memory_mb is 1024 MB; the maximum is 512 MB"
    ):
        load_settings(tmp_path)
