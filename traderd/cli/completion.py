"""`traderd completion`: what a shell needs to complete commands and options.

Owns: the script of each shell and the line that loads it; click knows the rest.
Must not: write into anybody's shell files.
"""

from __future__ import annotations

from typing import Final

import click
from click.shell_completion import get_completion_class

PROGRAM: Final = "traderd"
VARIABLE: Final = "_TRADERD_COMPLETE"
"""Click's own name for it: the program's in capitals."""
LINES: Final = {
    "bash": 'eval "$(traderd completion bash)"   # in ~/.bashrc',
    "zsh": 'eval "$(traderd completion zsh)"    # in ~/.zshrc',
    "fish": "traderd completion fish | source    # in ~/.config/fish/config.fish",
}


@click.command()
@click.argument("shell", type=click.Choice(tuple(LINES)), metavar="SHELL")
def completion(shell: str) -> None:
    """Print the completion script of SHELL: bash, zsh or fish.

    Load it at each start of the shell: eval "$(traderd completion bash)" in ~/.bashrc; the same with zsh in ~/.zshrc; traderd completion fish | source in ~/.config/fish/config.fish.

    Example: traderd completion bash
    """
    from traderd.cli.main import cli

    kind = get_completion_class(shell)
    if kind is None:
        raise click.UsageError(f"this version of click completes no {shell}")
    made = kind(cli, {}, PROGRAM, VARIABLE)
    # Not `source()`: for bash it runs bash to ask for its version, which the person's own shell knows better.
    click.echo(made.source_template % made.source_vars())
