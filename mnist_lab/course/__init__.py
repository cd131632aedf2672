"""What runs the course: for instructors and maintainers; no lesson imports it."""
