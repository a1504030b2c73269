"""Tests of runs and evaluations with everything they need: nothing here stands in for anything."""
