"""Runs lessons and says exactly what became of each."""
