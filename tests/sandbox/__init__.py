"""Tests of the sandbox, through its public face wherever that is possible."""
