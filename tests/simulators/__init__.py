"""Tests of the simulators themselves, against a small server of their own."""
