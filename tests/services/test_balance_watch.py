from tests.services.still_daemon import still_daemon
from traderd.core.balance_proof import Proof
from traderd.model.units import Timestamp
from traderd.services.balance_watch import DEGRADES_AFTER_NS, PART, tell_inconclusive


async def test_the_part_is_degraded_after_the_bound_and_well_with_the_next_proof(
    autojump_clock, tmp_path
):
    async with still_daemon(tmp_path) as daemon:
        context, proof = daemon.context("sync"), daemon.view.account.proof
        degraded = daemon.view.conditions.degraded
        proof.status, proof.hidden = Proof.INCONCLUSIVE, 1
        proof.hidden_since = Timestamp(daemon.now() - DEGRADES_AFTER_NS + 1)
        tell_inconclusive(context)
        assert PART not in degraded
        proof.hidden_since = Timestamp(daemon.now() - DEGRADES_AFTER_NS)
        tell_inconclusive(context)
        assert degraded[PART] == proof.sentence
        published = daemon.shared.bus.published
        tell_inconclusive(context)
        assert daemon.shared.bus.published == published
        for answer in (Proof.PROVED, Proof.UNEXPLAINED):
            proof.status = answer
            tell_inconclusive(context)
            assert PART not in degraded
            proof.status = Proof.INCONCLUSIVE
            tell_inconclusive(context)
            assert PART in degraded
