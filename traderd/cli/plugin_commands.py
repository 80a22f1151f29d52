"""Commands that plugins add to `traderd`.

Owns: that plugins are only looked at when a command is not ours or somebody asks for the list, that ours win over theirs, and
that one which fails ends with its file and line instead of a traceback.
Must not: run a daemon's part of a plugin, or import what plugins need before one is wanted: it is half of the daemon, and our
own commands start without it.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from traderd.cli import exit_codes
from traderd.cli.client import DaemonClient
from traderd.cli.json_request import CommandFailed
from traderd.cli.options import daemon_command, print_json, read_config
from traderd.config import Config
from traderd.errors import BadInput, ConfigError
from traderd.runtime.log_text import clean_text

if TYPE_CHECKING:
    from traderd.services.extensions import CommandAnswer, CommandSpec


class GroupWithPlugins(click.Group):
    """The group of all commands, those of plugins last."""

    _found: dict[str, click.Command] | None = None
    _left_out: tuple[str, ...] = ()

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return a command of ours, else a plugin's."""
        own = super().get_command(ctx, cmd_name)
        return own if own is not None else self._of_plugins().get(cmd_name)

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return every name, for `--help`."""
        return sorted([*super().list_commands(ctx), *self._of_plugins()])

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Take the arguments; an option that stands before the command gets the hint where it belongs."""
        try:
            return super().parse_args(ctx, args)
        except click.NoSuchOption as exc:
            words = f"No such option {exc.option_name!r} of `traderd` itself: options of a command stand after it, as in `traderd orders -e sim`."
            raise click.UsageError(words, ctx) from exc

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command; one that does not exist may be of a plugin that was left out."""
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as exc:
            if self._left_out and exc.message.startswith("No such command"):
                words = f"{exc.message} Plugins that are left out: {'; '.join(self._left_out)}"
                raise click.UsageError(words, ctx) from exc
            raise

    def _of_plugins(self) -> dict[str, click.Command]:
        try:
            return self._load()
        except ConfigError as exc:
            # `--help` must work with the settings broken; the command that is meant will tell.
            self._found, self._left_out = {}, (str(exc),)
            return self._found

    def _load(self) -> dict[str, click.Command]:
        if self._found is None:
            # Not before: it imports every plugin there is.
            from traderd.app_plugins import find_plugins
            from traderd.plugin_offers import COMMANDS_HOOK

            # The options of the command are not read yet, so these are the settings without any.
            config = read_config(
                config_file=None, environment=None, state_dir=None, settings=(), check=False
            )
            plugins = find_plugins(config, Path.cwd())
            self._found = {
                spec.name: click_command(record.name, spec)
                for record, spec in plugins.offered(COMMANDS_HOOK)
                if spec.name not in self.commands
            }
            self._left_out = tuple(f"{one.where}: {one.reason}" for one in plugins.failed)
        return self._found


def click_command(plugin: str, spec: CommandSpec) -> click.Command:
    """Return a plugin's command with the options that every command has."""

    @daemon_command
    def run(client: DaemonClient, config: Config, as_json: bool, **options: Any) -> None:
        answer = _run(plugin, spec, client, options)
        if as_json:
            print_json(answer.document)
        else:
            lines = answer.text.rstrip("\n").split("\n")
            click.echo("\n".join(clean_text(line) for line in lines))
        if answer.exit_code:
            click.get_current_context().exit(answer.exit_code)

    text = f"{spec.meaning}\n\nFrom the plugin {plugin}.\n\nExample: {spec.example}"
    command = click.command(spec.name, help=text, short_help=spec.meaning)(run)
    command.params[:0] = spec.parameters
    return command


def _run(
    plugin: str, spec: CommandSpec, client: DaemonClient, options: dict[str, Any]
) -> CommandAnswer:
    from traderd.services.extensions import CommandAnswer, line_of

    try:
        answer = spec.run(client, **options)
        if not isinstance(answer, CommandAnswer):
            raise TypeError(f"it must return a CommandAnswer, it returned {type(answer).__name__}")
    except (CommandFailed, BadInput, click.ClickException, click.exceptions.Exit):
        raise
    except Exception as exc:
        sentence = f"the plugin {plugin} failed at {line_of(exc)}: {type(exc).__name__}: {exc}; mend it, or go on without it"
        raise CommandFailed(sentence, exit_codes.ERROR) from exc
    return answer
