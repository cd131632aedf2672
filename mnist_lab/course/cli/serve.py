"""The command ``mnist-lab serve``."""

from __future__ import annotations

import errno
from typing import TYPE_CHECKING, Annotated

import typer

from mnist_lab.course import CourseError
from mnist_lab.course.cli.errors import plain_words

if TYPE_CHECKING:
    import socket

__all__ = ["COMMANDS"]


@plain_words("What had begun was answered.")
def serve(
    host: Annotated[
        str,
        typer.Option(
            metavar="ADDRESS",
            help="Listen on this address of the computer. 0.0.0.0 lets every device in your "
            "network use the service, such as a telephone.",
        ),
    ] = "127.0.0.1",
    port: Annotated[
        int, typer.Option(min=0, max=65535, metavar="N", help="Listen on this port.")
    ] = 8000,
    allow_host: Annotated[
        list[str] | None,
        typer.Option(
            metavar="NAME",
            help="Answer requests that give the service this name, too. You need it behind a "
            'proxy. "*" allows any name.',
        ),
    ] = None,
) -> None:
    """Let people draw a digit in a browser, and read it.

    The page draws, takes photos, and shows what the network sees. Programs send pictures to
    /predict, as the page /docs explains. The service needs no TensorFlow. It keeps no picture.

    \b
    mnist-lab serve                 open http://127.0.0.1:8000
    mnist-lab serve --port 8080
    mnist-lab serve --host 0.0.0.0  use the service from a telephone, too
    """
    try:
        from mnist_lab.serving import run

        server = run.server(run.settings_for(host, tuple(allow_host or ())))
    except ModuleNotFoundError as error:
        package = str(error.name).partition(".")[0]
        raise CourseError(
            f"The service needs the package {package}, which is not installed: call "
            'pip install "mnist-lab[serve]".'
        ) from error
    with _listening(host, port) as listening:
        for address in run.addresses(listening):
            typer.echo(f"Draw a digit at {address}")
        typer.echo("Ctrl-C stops the service.")
        server.run([listening])


def _listening(host: str, port: int) -> socket.socket:
    from mnist_lab.serving import run

    try:
        return run.listen(host, port)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            problem = f"Port {port} is in use: choose another one with --port."
        elif error.errno == errno.EACCES:
            problem = f"Only an administrator may use port {port}: choose one above 1023."
        else:
            problem = f"{host} is no address of this computer: choose another one with --host."
        raise CourseError(problem) from error


COMMANDS = (serve,)
