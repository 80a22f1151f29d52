import sys
from pathlib import Path

import pytest

import traderd.cli.install_plan as planning
from traderd.cli.install_plan import (
    INSTALLED_AT,
    Action,
    PlannedFile,
    Scope,
    is_untouched,
    make_plan,
    source_directory,
    with_mark,
)
from traderd.errors import ConfigError

VARIABLES = {"HOME": "/srv/alice"}


def plan(scope=Scope.SYSTEM, root=Path("/image"), version=252, variables=VARIABLES):
    return make_plan(
        scope, root=root, executable="/opt/here/traderd", variables=variables, version=version
    )


def test_the_machine_gets_units_users_directories_and_a_configuration():
    assert [str(file.path) for file in plan().files] == [
        "/image/etc/sysusers.d/traderd.conf",
        "/image/etc/tmpfiles.d/traderd.conf",
        "/image/etc/traderd/traderd.toml",
        "/image/etc/systemd/system/traderd.service",
        "/image/etc/systemd/system/traderd@.service",
        "/image/etc/systemd/system/traderd-exchange.service",
    ]
    assert plan().commands == (
        ("systemd-sysusers", "--root=/image", "traderd.conf"),
        ("systemd-tmpfiles", "--create", "--root=/image", "traderd.conf"),
    )
    assert plan(root=Path("/")).commands[-1] == ("systemctl", "daemon-reload")


def test_a_person_gets_one_unit_and_a_configuration():
    config, unit = plan(Scope.USER).files
    assert str(unit.path) == "/image/srv/alice/.config/systemd/user/traderd.service"
    assert str(config.path) == "/image/srv/alice/.config/traderd/traderd.toml"
    assert '\n#state_dir = "~/.local/state/traderd/sim"\n' in config.content
    assert "systemctl --user restart traderd" in config.content
    elsewhere = plan(Scope.USER, variables={**VARIABLES, "XDG_CONFIG_HOME": "/srv/c"}).files
    assert str(elsewhere[0].path) == "/image/srv/c/traderd/traderd.toml"
    with pytest.raises(ConfigError, match="set HOME"):
        plan(Scope.USER, variables={})


@pytest.mark.parametrize("scope", Scope)
def test_the_units_start_the_program_where_it_is(scope):
    units = [file for file in plan(scope).files if file.path.suffix == ".service"]
    assert units
    for unit in units:
        assert "\nExecStart=/opt/here/traderd " in unit.content
        assert planning.EXECUTABLE not in unit.content


@pytest.mark.parametrize("scope", Scope)
def test_the_growing_wait_is_for_a_systemd_that_knows_it(scope):
    def drop_ins(version):
        return [
            file for file in plan(scope, version=version).files if file.path.parent.suffix == ".d"
        ]

    assert [file for file in drop_ins(252) if file.path.name.startswith("10-")] == []
    assert [file for file in drop_ins(None) if file.path.name.startswith("10-")] == []
    found = [file for file in drop_ins(254) if file.path.name == "10-back-off.conf"]
    assert len(found) == len([f for f in plan(scope).files if f.path.suffix == ".service"])
    assert "RestartSteps=" in found[0].content


def test_a_file_is_ours_until_somebody_changes_it():
    text = with_mark("[Unit]\nDescription=x\n")
    assert is_untouched(text)
    assert not is_untouched(text.replace("=x", "=y"))
    assert not is_untouched(f"{text}# mine\n")
    assert not is_untouched("[Unit]\n")


@pytest.mark.parametrize(
    ("there", "is_configuration", "action"),
    [
        (None, False, Action.CREATE),
        (None, True, Action.CREATE),
        (with_mark("new"), False, Action.UNCHANGED),
        (with_mark("of an older version"), False, Action.UPDATE),
        (with_mark("old").replace("old", "old, changed"), False, Action.KEEP),
        ("somebody else's", False, Action.KEEP),
        ("port = 1", True, Action.KEEP),
        # A configuration is never ours, even when it was made by an installation.
        (with_mark("old"), True, Action.KEEP),
    ],
)
def test_what_a_person_wrote_stays(tmp_path, there, is_configuration, action):
    path = tmp_path / "file"
    if there is not None:
        path.write_text(there)
    file = PlannedFile(
        path=path, content=with_mark("new"), why="", is_configuration=is_configuration
    )
    assert file.action() is action


def test_what_cannot_be_read_is_told(tmp_path):
    file = PlannedFile(path=tmp_path, content="", why="")
    with pytest.raises(ConfigError, match="is there and cannot be read"):
        file.action()


def test_the_files_are_found_in_the_repository_and_in_an_installation(tmp_path, monkeypatch):
    assert (source_directory() / "user" / "traderd.service").is_file()
    monkeypatch.setattr(planning.traderd, "__file__", str(tmp_path / "lib/traderd/__init__.py"))
    monkeypatch.setattr(sys, "prefix", str(tmp_path))
    with pytest.raises(ConfigError, match="install traderd again"):
        source_directory()
    there = tmp_path / INSTALLED_AT
    there.mkdir(parents=True)
    (there / "traderd.service").touch()
    assert source_directory() == there
