"""Prepared broken set-ups: for each the doctor names the fault, the part and the cure."""

import json
import os
import ssl
from datetime import UTC, datetime, timedelta
from functools import partial

import apsw
import pytest
import trio
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.x509.oid import NameOID

from tests.cli.conftest import run_traderd
from tests.cli.doctor_tools import (
    KEY_ID,
    SetUp,
    assert_named,
    exchange_set_up,
    finding,
    paper_set_up,
    resolve_here,
    sim_set_up,
)
from tests.process_tools import running_daemon
from tests.simulation.harness import simulated_exchange
from traderd.cli import exit_codes
from traderd.cli.doctor_report import Verdict
from traderd.kalshi.auth import generate_key
from traderd.runtime.env import RealEnv
from traderd.store.latch import Latch, write_latch
from traderd.store.lock import hold_lock

# --- sound set-ups --------------------------------------------------------------------------------


async def test_a_sound_sim_set_up_is_in_order(tmp_path, autojump_clock):
    report = await sim_set_up(tmp_path).examine()
    assert [each.line() for each in report.findings if each.verdict is Verdict.FAILED] == []
    assert report.exit_code == exit_codes.OK
    assert report.sentence == "everything is in order"


async def test_a_sound_set_up_on_an_exchange_passes_every_check(tmp_path, autojump_clock):
    async with simulated_exchange(tmp_path) as at:
        report = await exchange_set_up(tmp_path, at).examine()
    assert {each.verdict for each in report.findings} == {Verdict.OK}, [
        each.line() for each in report.findings
    ]
    assert "the account has 1000.00" in finding(report, "signed REST").sentence
    assert "read tokens a second" in finding(report, "limits").sentence


async def test_nothing_is_made_or_changed_by_looking(tmp_path, autojump_clock):
    async with simulated_exchange(tmp_path) as at:
        before = sorted(path.name for path in tmp_path.iterdir())
        await exchange_set_up(tmp_path, at).examine()
    after = sorted(path.name for path in tmp_path.iterdir() if path.name != "root")
    assert after == before


# --- broken: settings -----------------------------------------------------------------------------


async def test_01_a_misspelled_setting_is_named_with_its_place_and_the_right_name(
    tmp_path, autojump_clock
):
    (tmp_path / "traderd.toml").write_text("[risk]\nmax_open_order = 4\n[web]\nprot = 1\n")
    report = await sim_set_up(tmp_path).examine()
    assert_named(
        report,
        "configuration",
        part="setting",
        says="traderd.toml) does not exist",
        cure="did you mean",
    )
    wrong = [each for each in report.findings if each.check == "configuration"]
    assert [each.sentence.split()[0] for each in wrong] == ["risk.max_open_order", "web.prot"]
    assert report.exit_code == exit_codes.CONFIGURATION


async def test_02_a_value_that_cannot_be_is_named(tmp_path, autojump_clock):
    (tmp_path / "traderd.toml").write_text('[risk]\nmax_open_orders = "many"\n')
    report = await sim_set_up(tmp_path).examine()
    assert_named(
        report,
        "configuration",
        part="setting",
        says="risk.max_open_orders",
        cure="`traderd config show`",
    )


async def test_03_a_file_that_is_not_toml_is_named_and_the_rest_says_why_it_is_skipped(
    tmp_path, autojump_clock
):
    (tmp_path / "traderd.toml").write_text("[risk\n")
    report = await sim_set_up(tmp_path).examine()
    assert_named(
        report, "configuration", part="setting", says="traderd.toml cannot be read", cure="correct"
    )
    assert finding(report, "key").verdict is Verdict.SKIPPED
    assert finding(report, "versions").verdict is Verdict.OK


async def test_04_an_environment_that_does_not_exist_is_named_with_those_that_do(
    tmp_path, autojump_clock
):
    (tmp_path / "traderd.toml").write_text('environment = "papr"\n')
    report = await sim_set_up(tmp_path).examine()
    assert_named(
        report,
        "configuration",
        part="setting",
        says="environment 'papr'",
        cure="choose one of sim, paper, local, production",
    )


async def test_05_two_variables_that_disagree_are_both_named(tmp_path, autojump_clock):
    set_up = paper_set_up(tmp_path)
    set_up.variables = {"KALSHI_API_KEY_ID": "a", "TRADERD_EXCHANGE__KEY_ID": "b"}
    report = await set_up.examine()
    assert_named(
        report, "configuration", part="setting", says="both set exchange.key_id", cure="remove one"
    )


async def test_06_no_markets_outside_sim_is_named(tmp_path, autojump_clock):
    set_up = paper_set_up(tmp_path)
    del set_up.flags["market_data.markets"]
    report = await set_up.examine()
    assert_named(
        report,
        "configuration",
        part="setting",
        says="market_data.markets is empty",
        cure="name at least one ticker",
    )


# --- broken: the key ------------------------------------------------------------------------------


async def test_07_no_key_at_all(tmp_path, autojump_clock):
    set_up = paper_set_up(tmp_path)
    del set_up.flags["exchange.key_id"], set_up.flags["exchange.key_file"]
    report = await set_up.examine()
    assert_named(
        report, "key", part="missing", says="KALSHI_API_KEY_ID", cure="create one on Kalshi"
    )
    assert finding(report, "configuration").verdict is Verdict.OK, "it is told once, under key"


async def test_08_a_key_file_that_is_not_there(tmp_path, autojump_clock):
    set_up = paper_set_up(tmp_path)
    set_up.key_file.unlink()
    report = await set_up.examine()
    assert_named(report, "key", part="missing", says="does not exist", cure="save the private key")


async def test_09_a_key_file_that_others_can_read(tmp_path, autojump_clock):
    set_up = paper_set_up(tmp_path)
    set_up.key_file.chmod(0o644)
    report = await set_up.examine()
    assert_named(report, "key", part="permissions", says="by others (mode 0644)", cure="chmod 600")


@pytest.mark.parametrize(
    ("content", "says", "cure"),
    [
        (b"", "is empty", "save the private key there"),
        (b"hello", "is not a private key", "from its BEGIN line to its END line"),
        (generate_key("ed25519")[1], "is not a private key", "it holds a public key"),
    ],
    ids=["empty", "rubbish", "public"],
)
async def test_10_to_12_a_file_that_holds_no_private_key(
    tmp_path, autojump_clock, content, says, cure
):
    set_up = paper_set_up(tmp_path)
    set_up.write_key(content)
    report = await set_up.examine()
    assert_named(report, "key", part="format", says=says, cure=cure)
    assert content == b"" or content.decode() not in json.dumps(report.document())


async def test_13_an_encrypted_key(tmp_path, autojump_clock):
    set_up = paper_set_up(tmp_path)
    set_up.write_key(
        rsa.generate_private_key(public_exponent=65_537, key_size=2048).private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(b"secret"),
        )
    )
    report = await set_up.examine()
    assert_named(report, "key", part="format", says="is encrypted", cure="without a passphrase")


async def test_14_the_key_of_another_environment(tmp_path, autojump_clock):
    set_up = paper_set_up(tmp_path)
    (tmp_path / ".env.production").write_text(f"KALSHI_API_KEY_ID={KEY_ID}\n")
    report = await set_up.examine()
    assert_named(
        report,
        "key environment",
        part="wrong environment",
        says="is also that of production (.env.production",
        cure="put the demo's key into .env.paper",
    )


async def test_15_an_env_file_that_others_can_read(tmp_path, autojump_clock):
    (tmp_path / ".env.sim").write_text("TRADERD_LOG__LEVEL=debug\n")
    (tmp_path / ".env.sim").chmod(0o644)
    report = await sim_set_up(tmp_path).examine()
    assert_named(report, "secret files", part="permissions", says=".env.sim", cure="chmod 600")
    assert report.exit_code == exit_codes.OK, "a warning alone stops nobody"


# --- broken: hosts and the way to them ------------------------------------------------------------


async def test_16_a_host_of_another_environment_and_the_key_is_not_shown_to_it(
    tmp_path, autojump_clock
):
    url = "https://external-api.kalshi.com/trade-api/v2"
    set_up = paper_set_up(tmp_path, **{"exchange.rest_url": url})
    report = await set_up.examine()
    assert_named(
        report,
        "hosts",
        part="host",
        says="external-api.kalshi.com, which is not a host of the environment paper",
        cure="external-api.demo.kalshi.co",
    )
    assert finding(report, "signed REST").verdict is Verdict.SKIPPED


async def test_17_a_name_that_cannot_be_resolved_is_dns(tmp_path, autojump_clock):
    report = await paper_set_up(tmp_path).examine()
    for check, host in (
        ("way to REST", "external-api.demo.kalshi.co"),
        ("way to WebSocket", "external-api-ws.demo.kalshi.co"),
    ):
        assert_named(report, check, part="dns", says=f"DNS: the name {host}", cure="resolv.conf")
    assert report.exit_code == exit_codes.ERROR, "nothing of this machine's set-up is wrong"


async def test_18_a_port_where_nobody_listens_is_tcp(tmp_path, autojump_clock):
    async with simulated_exchange(tmp_path) as at:
        set_up = exchange_set_up(
            tmp_path, at, **{"exchange.ws_url": "ws://127.0.0.1:9/trade-api/ws/v2"}
        )
        report = await set_up.examine()
    assert_named(
        report,
        "way to WebSocket",
        part="tcp",
        says="no connection to 127.0.0.1:9",
        cure="traderd exchange serve",
    )
    assert finding(report, "signed REST").verdict is Verdict.OK


def certificate(directory, *, begins: datetime, ends: datetime) -> ssl.SSLContext:
    key = rsa.generate_private_key(public_exponent=65_537, key_size=2048)
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    signed = (
        x509
        .CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begins)
        .not_valid_after(ends)
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    path = directory / "server.pem"
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
        + signed.public_bytes(serialization.Encoding.PEM)
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    return context


async def answer_tls(stream, context):
    try:
        server = trio.SSLStream(stream, context, server_side=True)
        await server.do_handshake()
    except (trio.BrokenResourceError, trio.ClosedResourceError):
        pass  # The doctor did not like the certificate.
    finally:
        await trio.aclose_forcefully(stream)


async def tls_report(tmp_path, handler) -> object:
    async with trio.open_nursery() as nursery:
        (listener,) = await nursery.start(partial(trio.serve_tcp, handler, 0, host="127.0.0.1"))
        port = listener.socket.getsockname()[1]
        set_up = SetUp(tmp_path, RealEnv(), resolve=resolve_here)
        set_up.write_key()
        set_up.flags = {
            "exchange.embedded": False,
            "exchange.rest_url": f"https://localhost:{port}/trade-api/v2",
            "exchange.ws_url": f"wss://localhost:{port}/trade-api/ws/v2",
            "exchange.key_id": KEY_ID,
            "exchange.key_file": str(set_up.key_file),
            "market_data.markets": ("KX-A",),
        }
        report = await set_up.examine()
        nursery.cancel_scope.cancel()
    return report


async def test_19_a_certificate_that_nobody_trusts_is_tls(tmp_path):
    now = datetime.now(UTC)
    context = certificate(tmp_path, begins=now - timedelta(days=1), ends=now + timedelta(days=1))
    report = await tls_report(tmp_path, lambda stream: answer_tls(stream, context))
    assert_named(
        report, "way to REST", part="tls", says="the certificate is self-signed", cure="proxy"
    )
    assert finding(report, "signed REST").verdict is Verdict.SKIPPED


async def test_20_a_port_that_does_not_speak_tls_is_tls(tmp_path):
    async def speak_http(stream):
        await stream.receive_some()
        await stream.send_all(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        await stream.aclose()

    report = await tls_report(tmp_path, speak_http)
    assert_named(
        report, "way to WebSocket", part="tls", says="does not speak TLS", cure="correct the port"
    )


# --- broken: the exchange -------------------------------------------------------------------------


async def test_21_a_clock_that_is_far_off_is_the_clock(tmp_path, autojump_clock):
    async with simulated_exchange(tmp_path) as at:
        at.exchange.faults.shift_clock(90.0)
        report = await exchange_set_up(tmp_path, at).examine()
    assert_named(report, "clock", part="clock", says="s behind the exchange's", cure="timedatectl")
    assert report.exit_code == exit_codes.CONFIGURATION


async def test_22_a_key_id_that_the_exchange_does_not_know(tmp_path, autojump_clock):
    async with simulated_exchange(tmp_path) as at:
        report = await exchange_set_up(tmp_path, at, **{"exchange.key_id": KEY_ID}).examine()
    for check in ("signed REST", "signed WebSocket"):
        assert_named(
            report, check, part="key id", says="NOT_FOUND", cure="does not know this key id"
        )


async def test_23_a_key_file_that_is_not_that_of_the_key_id(tmp_path, autojump_clock):
    async with simulated_exchange(tmp_path) as at:
        set_up = exchange_set_up(tmp_path, at)
        set_up.write_key()
        report = await set_up.examine()
    for check in ("signed REST", "signed WebSocket"):
        assert_named(
            report,
            check,
            part="signature",
            says="INCORRECT_API_KEY_SIGNATURE",
            cure="not that of the key id",
        )


async def test_24_an_exchange_that_answers_503_is_http(tmp_path, autojump_clock):
    async with simulated_exchange(tmp_path) as at:
        at.exchange.faults.refuse_requests("/portfolio", 503)
        report = await exchange_set_up(tmp_path, at).examine()
    assert_named(report, "signed REST", part="http", says="HTTP 503", cure="try again")
    assert finding(report, "signed WebSocket").verdict is Verdict.OK
    assert report.exit_code == exit_codes.ERROR


async def test_25_a_websocket_that_is_refused_while_rest_works_is_named_alone(
    tmp_path, autojump_clock
):
    async with simulated_exchange(tmp_path) as at:
        at.exchange.faults.refuse_websockets(503)
        report = await exchange_set_up(tmp_path, at).examine()
    assert_named(report, "signed WebSocket", part="http", says="HTTP 503", cure="try again")
    failures = [each.check for each in report.findings if each.verdict is Verdict.FAILED]
    assert failures == ["signed WebSocket"]


async def test_26_an_exchange_that_never_answers_is_http(tmp_path, autojump_clock):
    async with simulated_exchange(tmp_path) as at:
        at.exchange.faults.delay_replies(60.0)
        report = await exchange_set_up(tmp_path, at).examine()
    assert_named(report, "exchange status", part="http", says="no answer in time", cure="wait")


async def test_27_a_key_without_rights(tmp_path, autojump_clock):
    async with simulated_exchange(tmp_path) as at:
        at.exchange.faults.refuse_requests("/portfolio", 403)
        report = await exchange_set_up(tmp_path, at).examine()
    assert_named(report, "signed REST", part="rights", says="403", cure="rights to read and write")


async def test_28_a_paused_exchange_is_a_warning(tmp_path, autojump_clock):
    async with simulated_exchange(tmp_path) as at:
        at.exchange.pause()
        report = await exchange_set_up(tmp_path, at).examine()
    assert_named(report, "exchange status", part="pause", says="trading is paused", cure="wait")
    assert report.exit_code == exit_codes.OK


# --- broken: this machine -------------------------------------------------------------------------


async def test_29_a_file_where_the_state_directory_should_be(tmp_path, autojump_clock):
    set_up = sim_set_up(tmp_path)
    set_up.state.write_text("")
    report = await set_up.examine()
    assert_named(report, "state directory", part="kind", says="is a file", cure="move it away")
    assert finding(report, "journal").verdict is Verdict.SKIPPED


async def test_30_a_state_directory_that_cannot_be_made(tmp_path, autojump_clock):
    (tmp_path / "closed").write_text("")
    set_up = sim_set_up(tmp_path, flags={"state_dir": str(tmp_path / "closed" / "state")})
    report = await set_up.examine()
    assert_named(
        report, "state directory", part="permissions", says="cannot make it", cure="state_dir"
    )


async def test_31_a_state_directory_that_others_can_write_to(tmp_path, autojump_clock):
    set_up = sim_set_up(tmp_path)
    set_up.state.mkdir()
    set_up.state.chmod(0o777)
    report = await set_up.examine()
    assert_named(
        report, "state directory", part="permissions", says="(mode 0777)", cure="chmod 700"
    )


async def test_32_a_lock_whose_holder_does_not_answer(tmp_path, autojump_clock):
    set_up = sim_set_up(tmp_path)
    with hold_lock(set_up.state / "lock"):
        report = await set_up.examine()
    assert_named(report, "daemon", part="lock", says=f"(pid {os.getpid()})", cure="traderd kill")


async def test_33_a_full_disk(tmp_path, autojump_clock, monkeypatch):
    monkeypatch.setattr("shutil.disk_usage", lambda path: _Usage)
    report = await sim_set_up(tmp_path).examine()
    assert_named(report, "disk", part="space", says="only 3 MB free", cure="make room")


class _Usage:
    free = 3_000_000


async def test_34_a_damaged_journal(tmp_path, autojump_clock):
    set_up = sim_set_up(tmp_path)
    set_up.state.mkdir()
    (set_up.state / "journal.sqlite3").write_bytes(b"rubbish" * 1_000)
    (set_up.state / "journal.sqlite3").chmod(0o600)
    report = await set_up.examine()
    assert_named(
        report, "journal", part="integrity", says="not a database", cure="restore it from a copy"
    )


async def test_35_another_programs_file_in_the_journals_place(tmp_path, autojump_clock):
    set_up = sim_set_up(tmp_path)
    set_up.state.mkdir()
    path = set_up.state / "journal.sqlite3"
    connection = apsw.Connection(str(path))
    connection.execute("CREATE TABLE theirs (x)")
    connection.close()
    path.chmod(0o600)
    report = await set_up.examine()
    assert_named(report, "journal", part="owner", says="another program's", cure="move it away")


async def test_36_a_pulled_kill_switch(tmp_path, autojump_clock):
    set_up = sim_set_up(tmp_path)
    write_latch(set_up.state, Latch(reason="prices look wrong", by="ann"))
    report = await set_up.examine()
    assert_named(
        report,
        "kill switch",
        part="latch",
        says="by ann: prices look wrong",
        cure="traderd clear-halt kill",
    )


async def test_37_a_port_that_another_program_has(tmp_path, autojump_clock):
    set_up = sim_set_up(tmp_path, flags={"web.port": 8_005})
    listener, _ = await set_up.env.listen("127.0.0.1", 8_005)
    report = await set_up.examine()
    assert_named(report, "port", part="port", says="taken by another program", cure="set web.port")
    await listener.aclose()


async def test_38_a_strategy_that_does_not_exist(tmp_path, autojump_clock):
    (tmp_path / "traderd.toml").write_text("[strategies.spred_maker]\nenabled = true\n")
    report = await sim_set_up(tmp_path).examine()
    assert_named(
        report, "strategies", part="setting", says="spred_maker is not a strategy", cure="known are"
    )


async def test_39_a_parameter_that_a_strategy_does_not_have(tmp_path, autojump_clock):
    (tmp_path / "traderd.toml").write_text("[strategies.spread_maker]\nmarket_max = 2\n")
    report = await sim_set_up(tmp_path).examine()
    assert_named(
        report,
        "strategies",
        part="setting",
        says="strategies.spread_maker.market_max does not exist",
        cure="markets_max",
    )


async def test_40_a_plugin_that_cannot_be_imported(tmp_path, autojump_clock):
    (tmp_path / "plugins").mkdir(mode=0o755)
    (tmp_path / "plugins" / "broken.py").write_text("import nothing_like_it\n")
    report = await sim_set_up(tmp_path).examine()
    assert_named(
        report, "plugins", part="plugin", says="broken.py is left out", cure="install what it needs"
    )


# --- as a command ---------------------------------------------------------------------------------


def test_the_command_prints_a_line_a_check_and_ends_with_the_exit_code(tmp_path):
    ran = run_traderd(
        *("doctor", "--state-dir", str(tmp_path / "s"), "--set", "web.port=0"), directory=tmp_path
    )
    assert ran.code == exit_codes.OK, ran.out + ran.err
    assert ran.out.startswith("ok       configuration ")
    assert "\x1b" not in ran.out, "no colours on a pipe"
    (tmp_path / "traderd.toml").write_text("x = 1\n")
    ran = run_traderd("doctor", "--offline", directory=tmp_path)
    assert ran.code == exit_codes.CONFIGURATION
    assert ran.out.splitlines()[-1] == "1 check failed, first configuration · sim"
    assert ran.err == "", "the last sentence is said once"
    ran = run_traderd("doctor", "--offline", "--json", directory=tmp_path)
    assert (ran.code, ran.err) == (exit_codes.CONFIGURATION, "")
    document = json.loads(ran.out)
    assert document["ok"] is False
    assert document["checks"][0]["verdict"] == "failed"
    assert sorted(document["checks"][0]) == ["check", "cure", "part", "sentence", "verdict"]


@pytest.mark.process
@pytest.mark.parametrize("behind", ["nothing", "tls and a token"])
def test_beside_a_running_daemon_lock_port_and_journal_are_ours(tmp_path, behind):
    settings = {}
    if behind != "nothing":
        now = datetime.now(UTC)
        certificate(tmp_path, begins=now - timedelta(days=1), ends=now + timedelta(days=1))
        both = tmp_path / "server.pem"
        both.chmod(0o600)
        settings = {
            "web__tls_certificate": both,
            "web__tls_key": both,
            "web__reads_need_token": "true",
        }
    with running_daemon(tmp_path / "state", **settings) as daemon:
        daemon.wait_ready()
        ran = run_traderd(
            *("doctor", "--state-dir", str(daemon.state_dir), "--json"),
            *("--set", f"web.port={daemon.port}"),
            directory=tmp_path,
        )
    checks = {check["check"]: check for check in json.loads(ran.out)["checks"]}
    assert ran.code == exit_codes.OK, ran.out
    assert checks["daemon"]["sentence"].startswith("sim runs here: ")
    assert checks["port"]["sentence"].endswith("is our daemon's console")
    assert checks["journal"]["verdict"] == "ok"
