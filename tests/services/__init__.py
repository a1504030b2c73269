"""Tests of the use cases, on real parts but for the orchestrator, which is in memory."""
