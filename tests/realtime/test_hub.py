"""The hub: pace of the tiers, what is rendered and for whom, and what a failing query does."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest

from config import Config
from saiweb.realtime.listener import View
from saiweb.realtime.topics import TOPICS, Tier, Topic
from tests.realtime.feed_doubles import CONFIG, Feed


@pytest.fixture
def feed() -> Feed:
    return Feed()


def test_the_intervals_are_those_of_the_plan_and_of_the_variables() -> None:
    plan_s = {"critical": 0, "executions": 10, "incidents": 15, "statistics": 30, "reviews": 45, "health": 60}
    assert {tier.value: tier.interval_s(CONFIG) for tier in Tier} == plan_s
    environ = {
        "SSE_EXECUTION_INTERVAL": "1000",
        "SSE_INCIDENT_INTERVAL": "1500",
        "SSE_STATISTICS_INTERVAL": "3000",
        "SSE_REVIEW_INTERVAL": "4500",
        "SSE_HEALTH_INTERVAL": "6000",
        "SSE_CRITICAL_IMMEDIATE": "false",
    }
    faster = Config.from_env(environ)
    assert [tier.interval_s(faster) for tier in Tier] == [1.0, 1.0, 1.5, 3.0, 4.5, 6.0]


def test_the_topics_have_the_tier_and_priority_of_the_design() -> None:
    assert {topic.name: (topic.tier, topic.priority) for topic in TOPICS.values()} == {
        "critical": (Tier.CRITICAL, 1),
        "queue": (Tier.EXECUTIONS, 2),
        "rest": (Tier.EXECUTIONS, 3),
        "wall": (Tier.EXECUTIONS, 2),
        "live": (Tier.EXECUTIONS, 2),
        "gallery": (Tier.EXECUTIONS, 3),
        "changes": (Tier.EXECUTIONS, 3),
        "reviews": (Tier.REVIEWS, 4),
        "figures": (Tier.STATISTICS, 4),
        "health": (Tier.HEALTH, 5),
    }


def test_a_newcomer_gets_the_present_state_of_each_topic_most_urgent_first(feed: Feed) -> None:
    assert feed.listen("critical", "live", "health").got == ["first es"] * 3
    assert feed.table.reads == ["critical", "live", "health"]


def test_a_second_newcomer_costs_nothing_while_there_are_no_news(feed: Feed) -> None:
    feed.listen("live")
    assert feed.listen("live").got == ["first es"]
    assert feed.table.reads == ["live"]


def test_a_newcomer_gets_the_news_for_which_the_others_still_wait(feed: Feed) -> None:
    early = feed.listen("live")
    feed.news("live", "second")
    feed.advance(1)
    feed.news("live", "third")
    assert feed.listen("live").got == ["third es"]
    assert early.got == ["first es", "second es"]
    feed.advance(10)
    assert early.got == ["first es", "second es", "third es"]


def test_nothing_is_rendered_with_nobody_listening(feed: Feed) -> None:
    feed.news("critical", "second")
    feed.hub.mark_all()
    feed.advance(120)
    assert feed.table.reads == []


def test_nothing_is_rendered_for_a_topic_that_nobody_asked_for(feed: Feed) -> None:
    feed.listen("critical")
    feed.news("live", "second")
    feed.advance(120)
    assert set(feed.table.reads) == {"critical"}


def test_nothing_is_rendered_after_the_last_client_left_and_the_next_one_gets_no_old_state(feed: Feed) -> None:
    feed.listen("figures").close()
    feed.table.texts["figures"] = "an hour later"
    feed.advance(3600)
    assert feed.table.reads == ["figures"]
    assert feed.listen("figures").got == ["an hour later es"]


def test_a_critical_goes_out_at_once_every_time(feed: Feed) -> None:
    listener = feed.listen("critical")
    for text in ("one", "two", "three"):
        feed.news("critical", text)
        feed.hub.turn()
    assert listener.got == ["first es", "one es", "two es", "three es"]


def test_news_during_a_rendering_are_in_the_next_one(feed: Feed) -> None:
    listener = feed.listen("critical")

    def arrive() -> None:
        feed.table.while_reading = lambda: None
        for text in ("two", "three", "four"):
            feed.news("critical", text)

    feed.table.while_reading = arrive
    feed.news("critical", "one")
    feed.advance(0)
    assert listener.got == ["first es", "one es", "four es"]


def test_the_first_news_after_quiet_wait_only_for_what_belongs_to_them(feed: Feed) -> None:
    listener = feed.listen("live")
    feed.advance(15)
    feed.news("live", "card without picture")
    feed.advance(0.2)
    assert listener.got == ["first es"]
    feed.news("live", "card with picture")
    feed.advance(0.1)
    assert listener.got == ["first es", "card with picture es"]


def test_a_burst_is_one_frame_now_and_one_per_interval(feed: Feed) -> None:
    listener = feed.listen("live")
    for number in range(200):
        feed.news("live", f"burst {number}")
        feed.advance(0.11)
    feed.advance(10)
    assert listener.got == ["first es", "burst 2 es", "burst 93 es", "burst 184 es", "burst 199 es"]


@pytest.mark.parametrize("name", TOPICS)
def test_each_topic_keeps_the_pace_of_its_tier_whatever_happens(feed: Feed, name: str) -> None:
    """Ten minutes with news every two seconds: as many frames as intervals, and the last state in the last of them."""
    interval_s = max(TOPICS[name].tier.interval_s(CONFIG), 2)
    listener = feed.listen(name)
    times: list[float] = []
    feed.hub.on_frame(lambda topic, view, frame: times.append(feed.clock.now))
    for number in range(300):
        feed.news(name, f"state {number}")
        feed.advance(2)
    feed.advance(interval_s + 1)
    gaps = [later - earlier for earlier, later in pairwise(times)]
    assert min(gaps) >= interval_s - 0.01
    assert 600 / interval_s <= len(times) <= 600 / interval_s + 2
    assert listener.got[-1] == "state 299 es"
    assert len(listener.got) == len(set(listener.got)), "the same state went out twice"
    feed.advance(600)
    assert len(times) == len(listener.got) - 1, "a quiet topic sends nothing"


def test_what_somebody_just_did_waits_for_no_interval(feed: Feed) -> None:
    listener = feed.listen("queue")
    feed.news("queue", "a new row")
    feed.advance(1)
    feed.table.texts["queue"] = "claimed"
    feed.hub.mark("topic", "attention:claimed")
    feed.advance(0.01)
    assert listener.got == ["first es", "a new row es", "claimed es"]
    feed.news("queue", "another row")
    feed.advance(9)
    assert len(listener.got) == 3
    feed.advance(1.1)
    assert listener.got[3:] == ["another row es"]


def test_a_look_that_found_nothing_new_does_not_use_up_the_interval(feed: Feed) -> None:
    listener = feed.listen("live")
    feed.advance(20)
    feed.hub.mark_all()
    feed.advance(1)
    feed.news("live", "second")
    feed.advance(0.3)
    assert listener.got == ["first es", "second es"]


def test_a_region_whose_bytes_did_not_change_is_not_sent(feed: Feed) -> None:
    listener = feed.listen("critical")
    feed.hub.mark("high_priority_execution", "1")
    feed.hub.turn()
    assert feed.table.reads == ["critical", "critical"]
    assert listener.got == ["first es"]


def test_every_region_is_looked_at_each_minute_without_any_notice(feed: Feed) -> None:
    listener = feed.listen("critical", "figures")
    feed.table.texts = {"critical": "missed", "figures": "moved on"}
    feed.advance(59)
    assert listener.got == ["first es", "first es"]
    feed.advance(1.5)
    assert listener.got[2:] == ["missed es", "moved on es"]


def test_what_is_due_at_the_same_beat_goes_by_priority(feed: Feed) -> None:
    feed.listen("health", "figures", "live", "critical")
    feed.table.reads.clear()
    feed.hub.mark_all()
    feed.clock.now += 1
    feed.hub.turn()
    assert feed.table.reads == ["critical", "live", "figures", "health"]


def test_each_language_is_drawn_once_from_one_query(feed: Feed) -> None:
    spanish = [feed.listen("critical") for _ in range(3)]
    english = [feed.listen("critical", locale="en") for _ in range(3)]
    feed.table.reads.clear()
    feed.table.draws.clear()
    feed.news("critical", "fire")
    feed.hub.turn()
    assert feed.table.reads == ["critical"]
    assert sorted(feed.table.draws) == [("critical", "en"), ("critical", "es")]
    assert [listener.got[-1] for listener in spanish + english] == ["fire es"] * 3 + ["fire en"] * 3


def test_a_slow_reader_misses_older_frames_and_gets_the_newest(feed: Feed) -> None:
    slow, quick = feed.listen("critical"), feed.listen("critical")
    slow.is_blocked = True
    for text in ("one", "two"):
        feed.news("critical", text)
        feed.hub.turn()
    slow.is_blocked = False
    for position, frame in feed.hub.newer(slow):
        slow.offer(position, frame)
    assert slow.got == ["first es", "two es"]
    assert quick.got == ["first es", "one es", "two es"]


def test_a_failing_query_is_tried_again_with_growing_pauses(feed: Feed) -> None:
    listener = feed.listen("critical")
    feed.table.faults = 3
    feed.news("critical", "fire")
    feed.advance(0)
    feed.advance(1.7)
    assert (len(feed.table.reads), listener.got) == (4, ["first es"])
    feed.advance(0.1)
    assert listener.got == ["first es", "fire es"]
    assert feed.hub.stats().failures["critical"] == 3


def test_a_newcomer_during_an_outage_of_the_database_gets_the_state_after_it(feed: Feed) -> None:
    feed.table.faults = 2
    listener = feed.listen("live")
    assert listener.got == []
    feed.advance(1)
    assert listener.got == ["first es"]


def test_one_failing_topic_does_not_hold_up_another(feed: Feed) -> None:
    listener = feed.listen("critical", "live")
    feed.table.faults = 1
    feed.news("critical", "fire")
    feed.news("live", "card")
    feed.advance(1)
    assert sorted(listener.got[2:]) == ["card es", "fire es"]


def test_a_picture_is_news_only_where_its_execution_is_shown(feed: Feed) -> None:
    feed.table.ids = {"critical": frozenset({7}), "live": frozenset({7, 8})}
    feed.listen("critical", "live")
    for payload, read in (("9", []), ("8", ["live"]), ("7", ["critical", "live"]), ("odd", [])):
        feed.table.reads.clear()
        feed.hub.mark("process_image", payload)
        feed.advance(0.5)
        assert feed.table.reads == read, payload


def test_a_picture_that_arrives_while_its_card_is_being_read_is_not_forgotten(feed: Feed) -> None:
    listener = feed.listen("critical")

    def picture_arrives() -> None:
        feed.table.while_reading = lambda: None
        feed.table.texts["critical"] = "with picture"
        feed.hub.mark("process_image", "7")

    feed.table.while_reading = picture_arrives
    feed.table.ids["critical"] = frozenset({7})
    feed.news("critical", "without picture")
    feed.advance(0)
    assert listener.got[1:] == ["without picture es", "with picture es"]


@pytest.mark.parametrize(
    ("channel", "dirty"),
    [
        ("new_execution", {"queue", "rest", "wall", "gallery", "live", "changes", "figures"}),
        ("high_priority_execution", {"critical", "wall"}),
        ("process_image", {"changes", "figures"}),
        ("unheard_of", set[str]()),
    ],
)
def test_each_channel_dirties_its_topics(feed: Feed, channel: str, dirty: set[str]) -> None:
    feed.listen(*TOPICS)
    feed.table.reads.clear()
    feed.hub.mark(channel, "42")
    feed.advance(1)
    assert set(feed.table.reads) == dirty


@pytest.mark.parametrize(
    ("payload", "dirty"),
    [
        ("live:3", {"live"}),
        ("attention:claimed", {"critical", "queue", "rest", "wall", "changes", "figures"}),
        ("reviews:7", {"reviews", "changes"}),
        ("health:listener", {"health", "critical"}),
        ("unheard_of:1", set[str]()),
    ],
)
def test_a_topic_notice_dirties_the_one_it_names_and_those_that_follow_it(
    feed: Feed, payload: str, dirty: set[str]
) -> None:
    feed.listen(*TOPICS)
    feed.table.reads.clear()
    feed.hub.mark("topic", payload)
    feed.advance(1)
    assert set(feed.table.reads) == dirty


def test_criticals_ride_the_executions_tier_when_they_are_not_immediate() -> None:
    feed = Feed(replace(CONFIG, sse_critical_immediate=False))
    listener = feed.listen("critical")
    feed.news("critical", "one")
    feed.advance(1)
    feed.news("critical", "two")
    feed.advance(8)
    assert listener.got == ["first es", "one es"]
    feed.advance(1.5)
    assert listener.got == ["first es", "one es", "two es"]


def test_a_frame_hook_sees_each_changed_frame_and_cannot_break_the_feed(feed: Feed) -> None:
    seen: list[tuple[str, str, bytes]] = []

    def note(topic: Topic, view: View, frame: bytes) -> None:
        seen.append((topic.name, view.locale, frame))
        raise RuntimeError("not the feed's trouble")

    feed.hub.on_frame(note)
    listener = feed.listen("critical")
    feed.news("critical", "fire")
    feed.hub.turn()
    assert listener.got[-1] == "fire es"
    assert [(name, locale) for name, locale, _frame in seen] == [("critical", "es")]
    assert feed.hub.stats().failures["critical"] == 0


def test_a_heartbeat_goes_to_everybody_every_two_seconds(feed: Feed) -> None:
    listener = feed.listen("live")
    feed.advance(20.1)
    assert listener.beats == 10


def test_the_numbers_tell_who_listens_and_what_was_done(feed: Feed) -> None:
    feed.listen("critical", "live")
    feed.listen("live", locale="en")
    feed.news("live", "second")
    feed.advance(1)
    stats = feed.hub.stats()
    assert (stats.clients, stats.max_clients, stats.blocked) == (2, CONFIG.sse_max_clients, 0)
    assert stats.listeners == {
        "critical": 1,
        "queue": 0,
        "rest": 0,
        "wall": 0,
        "gallery": 0,
        "changes": 0,
        "live": 2,
        "figures": 0,
        "reviews": 0,
        "health": 0,
    }
    assert stats.renders["live"] == 4
    assert stats.frames["live"] == 2
