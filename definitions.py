"""Dagster's code location: every active analysis as a job, every schedule of a script."""

from analysis_sandbox.orchestration.repository import definitions

analyses = definitions()
