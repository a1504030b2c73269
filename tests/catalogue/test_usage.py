"""What runs used, by analysis."""

from typing import Any

from analysis_sandbox.catalogue.catalogue import Catalogue
from analysis_sandbox.catalogue.records import NewAnalysis, RunFinish, VersionRecord
from analysis_sandbox.catalogue.usage import UsageFigure
from tests.catalogue.making import new_run, new_version


def ended(catalogue: Catalogue, version: VersionRecord, **values: Any) -> None:
    """Record a run that ended."""
    run, _ = catalogue.runs.insert(new_run(version))
    finish: dict[str, Any] = {"run_id": str(run.id), "status": "completed"} | values
    assert catalogue.runs.finish(RunFinish(**finish))


def test_figures_are_the_last_the_average_and_the_largest_of_the_newest_runs(
    catalogue: Catalogue, analysis: VersionRecord
) -> None:
    for megabytes in (99, 10, 30, 20):
        ended(
            catalogue,
            analysis,
            usage={"peak_memory_bytes": megabytes, "cpu_ms": 1.5, "host_calls": 2},
            execution_time_ms=megabytes,
            result_size_bytes=5,
        )

    (usage,) = catalogue.usage.by_analysis(analysis.project, newest=3)

    assert (usage.analysis_id, usage.name) == (analysis.analysis_id, "monthly_report")
    assert (usage.runs, usage.failures) == (3, 0)
    assert usage.memory == UsageFigure(20, 20, 30)
    assert usage.duration_ms == UsageFigure(20, 20, 30)
    assert usage.cpu_ms == UsageFigure(1.5, 1.5, 1.5)
    assert usage.result_bytes == UsageFigure(5, 5, 5)
    assert usage.host_calls == UsageFigure(2, 2, 2)


def test_failures_count_and_runs_that_go_on_do_not(
    catalogue: Catalogue, analysis: VersionRecord
) -> None:
    ended(catalogue, analysis, status="failed", usage={"cpu_ms": 4, "peak_heap_bytes": 7})
    ended(catalogue, analysis, status="crashed")
    catalogue.runs.insert(new_run(analysis))

    (usage,) = catalogue.usage.by_analysis(analysis.project)

    assert (usage.runs, usage.failures) == (2, 2)
    # The newest run that told a figure.
    assert (usage.cpu_ms.last, usage.memory.last) == (4, 7)


def test_an_analysis_that_never_ran_has_no_figures(
    catalogue: Catalogue, analysis: VersionRecord
) -> None:
    catalogue.analyses.create(NewAnalysis(analysis.project, "another", new_version()))

    another, _ = catalogue.usage.by_analysis(analysis.project)

    assert (another.name, another.runs, another.last_run) == ("another", 0, None)
    assert another.memory == UsageFigure(None, None, None)
