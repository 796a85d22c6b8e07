"""The bytes on the wire."""

from saiweb.realtime import frames


def test_a_region_is_one_message_that_morphs_its_element() -> None:
    assert frames.region("region-live", '\n<ul id="region-live">\r\n<li>humo</li>\n</ul>\n').decode() == (
        'data: <hx-partial hx-target="#region-live" hx-swap="outerMorph">\n'
        'data: <ul id="region-live">\n'
        "data: <li>humo</li>\n"
        "data: </ul>\n"
        "data: </hx-partial>\n"
        "\n"
    )


def test_a_line_end_in_a_text_cannot_start_a_field_or_end_a_message() -> None:
    frame = frames.region("region-live", "a\r\rb\n\nevent: beat\x85c\u2028d").decode()
    assert frame.count("\n\n") == 1
    assert all(line.startswith("data: ") for line in frame.rstrip("\n").split("\n"))
    assert "\r" not in frame
    assert "event: beat\x85c\u2028d" in frame


def test_a_beat_carries_the_clock_of_the_server_in_milliseconds() -> None:
    assert frames.beat(1764000000.1239) == b"event: beat\ndata: 1764000000123\n\n"
