"""What a notebook must be: structure, code, outputs, prose and assignments."""
