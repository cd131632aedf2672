"""Assignments: markers, sources, learner copies, and what learners send back."""
