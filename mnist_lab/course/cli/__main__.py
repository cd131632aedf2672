"""``python -m mnist_lab.course.cli``: the command ``mnist-lab`` where no script is installed."""

from mnist_lab.course.cli.main import app

app()
