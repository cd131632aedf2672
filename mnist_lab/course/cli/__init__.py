"""The command line ``mnist-lab``: one module a group of commands."""
