"""As fast as the limit allows and not one refusal: measured against the ways in which vendors count."""

from __future__ import annotations

import pytest

from mpstock import Rate
from tests.pacing.servers import Crowd, Fixed, Leaky, Server, Sliding

OZON = Rate("stocks", 80, 60.0)
WB = Rate("stocks", 300, 60.0, spacing=0.2, burst=20, error_cost=10)
LONG = {80: 900.0, 300: 300.0}
WITH_RESTARTS = {80: 900.0, 300: 420.0}
"""Simulated seconds by limit; benchmarks/pacing.py simulates hours."""

SERVERS: list[type[Server]] = [Fixed, Sliding, Leaky]


@pytest.mark.parametrize("server", SERVERS)
@pytest.mark.parametrize("rate", [OZON, WB], ids=["ozon", "wb"])
def test_limit_is_used_without_a_refusal(rate: Rate, server: type[Server]):
    """At a round trip of 0.4 s at least 98.5 % of the limit is used, and nothing is refused."""
    crowd = Crowd(server(rate.requests, rate.period), rate)
    efficiency = crowd.run(LONG[rate.requests])
    assert crowd.server.refused == []
    assert efficiency >= 98.5


@pytest.mark.parametrize("server", SERVERS)
@pytest.mark.parametrize("rate", [OZON, WB], ids=["ozon", "wb"])
def test_restarts_get_no_refusal_either(rate: Rate, server: type[Server]):
    """A process killed with requests under way, about every minute: nothing is refused, 96.5 % is used.

    Each kill costs a place for what was under way, and one for the answer that was not written yet.
    """
    crowd = Crowd(server(rate.requests, rate.period), rate, seed=1)
    efficiency = crowd.run(WITH_RESTARTS[rate.requests], kill_every=WITH_RESTARTS[rate.requests] / 6)
    assert len(crowd.dead) >= 4
    assert crowd.server.refused == []
    assert efficiency >= 96.5


@pytest.mark.parametrize("server", SERVERS)
@pytest.mark.parametrize("rate", [OZON, WB], ids=["ozon", "wb"])
def test_two_processes_on_one_store_keep_one_limit(rate: Rate, server: type[Server]):
    """Two processes that share the state stay under the limit together, and still use it."""
    crowd = Crowd(server(rate.requests, rate.period), rate, seed=2, workers=6)
    efficiency = crowd.run(LONG[rate.requests], processes=2, kill_every=LONG[rate.requests] / 3)
    assert crowd.server.refused == []
    assert efficiency >= 96.5


@pytest.mark.parametrize("server", SERVERS)
def test_long_round_trips_are_not_refused(server: type[Server]):
    """At a round trip of 1.7 s nothing is refused, and at least (60 / 61.7) / 1.02 of the limit is used."""
    crowd = Crowd(server(80, 60.0), OZON, seed=3, rtt=1.7)
    efficiency = crowd.run(1800.0)
    assert crowd.server.refused == []
    assert efficiency >= 100 * 60 / 61.7 / 1.02


@pytest.mark.parametrize("seed", range(4))
def test_scattered_errors_that_count_as_ten_cause_no_refusal(seed: int):
    """Where an error counts as ten requests, one in fifty makes nothing be refused by WB's token bucket."""
    crowd = Crowd(Leaky(300, 60.0, capacity=20), WB, seed=seed, error_share=0.02, rtt=0.3)
    efficiency = crowd.run(600.0)
    assert crowd.server.refused == []
    # An error takes ten places: fifty requests with one error cost 59.
    assert efficiency >= 0.9 * 100 * 50 / 59


def test_nothing_but_errors_causes_no_refusal():
    """When every answer is an error one request at a time goes out, and nothing is refused."""
    crowd = Crowd(Leaky(300, 60.0, capacity=20), WB, seed=5, error_share=1.0)
    crowd.run(600.0)
    assert crowd.server.refused == []
    assert len(crowd.server.admitted) >= 0.6 * 600 * 300 / 60 / 10


def test_bucket_too_small_for_the_jitter_slows_us_down_for_good():
    """Where jitter alone overflows the bucket, refusals make us slower, so that they become rare."""
    tight = Crowd(Leaky(300, 60.0, capacity=4), Rate("stocks", 300, 60.0), seed=6, rtt=0.8)
    efficiency = tight.run(900.0)
    early = sum(at < 200 for at in tight.server.refused)
    late = sum(at >= 700 for at in tight.server.refused)
    assert early > 0
    assert late <= early
    assert efficiency >= 50
