"""The Dagster face, and the only importer of dagster: jobs, schedules, launcher, run pool."""
