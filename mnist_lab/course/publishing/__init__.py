"""What readers get: the book, badges, and the generated parts of the README."""
