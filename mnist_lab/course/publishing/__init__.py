"""What readers get: pages, badges, and the generated parts of the README."""
