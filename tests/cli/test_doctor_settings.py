from tests.cli.doctor_tools import assert_named, finding, paper_set_up, sim_set_up
from traderd.cli.doctor_report import Verdict


async def test_the_environment_is_said_with_what_it_means(tmp_path, autojump_clock):
    report = await sim_set_up(tmp_path).examine()
    assert finding(report, "environment").sentence == (
        "sim: play money on the daemon's own exchange (default)"
    )
    report = await sim_set_up(tmp_path, flags={"environment": "local"}).examine()
    assert "never an order (--environment)" in finding(report, "environment").sentence


async def test_a_sound_key_is_named_by_its_file_and_never_by_its_content(tmp_path, autojump_clock):
    set_up = paper_set_up(tmp_path)
    report = await set_up.examine()
    found = finding(report, "key")
    assert found.verdict is Verdict.OK
    assert found.sentence.endswith("signs for 1a2b… (--set), only you can read it")
    secret = set_up.key_file.read_text().splitlines()[1]
    assert secret not in str(report.document())


async def test_one_key_in_paper_and_in_demo_is_the_same_environment(tmp_path, autojump_clock):
    set_up = paper_set_up(tmp_path)
    (tmp_path / ".env.paper").write_text(f"KALSHI_PRIVATE_KEY_PATH={set_up.key_file}\n")
    (tmp_path / ".env.paper").chmod(0o600)
    assert finding(await set_up.examine(), "key environment").verdict is Verdict.OK


async def test_local_and_production_may_share_a_key(tmp_path, autojump_clock):
    set_up = paper_set_up(tmp_path, environment="local")
    (tmp_path / ".env.production").write_text(f"KALSHI_PRIVATE_KEY_PATH={set_up.key_file}\n")
    assert finding(await set_up.examine(), "key environment").verdict is Verdict.OK


async def test_the_name_of_a_key_file_can_give_it_away(tmp_path, autojump_clock):
    set_up = paper_set_up(tmp_path)
    other = set_up.key_file.rename(tmp_path / "kalshi-prod.pem")
    set_up.flags["exchange.key_file"] = str(other)
    report = await set_up.examine()
    assert_named(
        report,
        "key environment",
        part="wrong environment",
        says="kalshi-prod.pem",
        cure="right one",
    )


async def test_plain_text_to_a_host_elsewhere_is_refused(tmp_path, autojump_clock):
    url = "http://external-api.demo.kalshi.co/trade-api/v2"
    report = await paper_set_up(tmp_path, **{"exchange.rest_url": url}).examine()
    assert_named(report, "hosts", part="host", says="in plain text", cure="use https://")
