"""Processes behind walls, in which learners' code runs."""
