"""People and the log of activities from the command line."""

from __future__ import annotations

import re

import psycopg
import pytest

from tests.environment import OWNER, World

LINK = re.compile(r"http://127\.0\.0\.1:8000/link#[\w-]{32}")


def test_people_are_added_listed_changed_and_shut_out(world: World) -> None:
    added = world.saiweb("users", "add", "marta", "--name", "Marta", "--role", "admin")
    assert LINK.fullmatch(added.stdout.strip())
    assert "works once, within 72 hours" in added.stderr
    world.saiweb("users", "add", "ana", "--name", "Ana", "--email", "ana@example.org")
    assert "ana is expert now." in world.saiweb("users", "role", "ana", "expert").stdout
    assert "ana is expert already." in world.saiweb("users", "role", "ANA", "expert").stdout
    assert LINK.fullmatch(world.saiweb("users", "password", "ana@example.org").stdout.strip())
    assert world.saiweb("users", "disable", "ana").stdout == "ana is disabled.\n"
    lines = world.saiweb("users", "list").stdout.splitlines()
    assert re.match(r"marta +admin +invited +never +Marta", lines[0])
    assert re.match(r"ana +expert +disabled +never +Ana", lines[1])
    assert lines[2] == "2 people."
    assert world.saiweb("users", "enable", "ana").stdout == "ana is active again.\n"
    rows = world.query("SELECT action, actor, user_id, address FROM activity_log ORDER BY id")
    assert {(row["actor"], row["user_id"], row["address"]) for row in rows} == {("command line", None, None)}
    assert [row["action"] for row in rows] == [
        "user.add",
        "user.link",
        "user.add",
        "user.link",
        "user.role",
        "user.link",
        "user.disable",
        "user.enable",
    ]
    assert "#" not in str(world.query("SELECT details FROM activity_log"))


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("disable", "marta"), "This is the last active admin: make somebody else one first."),
        (("role", "marta", "viewer"), "This is the last active admin: make somebody else one first."),
        (("role", "nobody", "viewer"), "There is nobody called nobody: saiweb users list shows everybody."),
        (("add", "marta", "--name", "Otra"), "This user name is in use."),
        (("add", "x y", "--name", "Otra"), "A user name has 2 to 63 small letters"),
    ],
)
def test_a_refusal_is_a_sentence_and_exit_1(world: World, arguments: tuple[str, ...], sentence: str) -> None:
    world.saiweb("users", "add", "marta", "--name", "Marta", "--role", "admin")
    refused = world.saiweb("users", *arguments, check=False)
    assert refused.returncode == 1
    assert refused.stderr.startswith(f"Error: {sentence}")
    assert refused.stdout == ""


def test_no_command_takes_a_password(world: World) -> None:
    assert world.saiweb("users", "password", "marta", "secret", check=False).returncode == 2


def test_verify_prints_the_head_and_names_the_first_broken_record(world: World) -> None:
    assert world.saiweb("audit", "verify").stdout.startswith("0 records.")
    for name in ("ana", "luis"):
        world.saiweb("users", "add", name, "--name", name.title())
    good = world.saiweb("audit", "verify").stdout
    found = re.search(r"4 records\.\nThe newest is (\d+), hash ([0-9a-f]{64})", good)
    assert found, good
    head = found[2]
    world.saiweb("users", "disable", "ana")
    assert f"record {found[1]}." in world.saiweb("audit", "verify", "--expect", head.upper()).stdout
    gone = world.saiweb("audit", "verify", "--expect", "0" * 64, check=False)
    assert gone.returncode == 1
    assert "cut off or written anew" in gone.stderr
    assert world.saiweb("audit", "verify", "--expect", "12", check=False).returncode == 1

    second = world.query("SELECT id FROM activity_log ORDER BY id OFFSET 1 LIMIT 1")[0]["id"]
    with psycopg.connect(world.server.conninfo(world.dashboard, OWNER)) as conn:
        conn.execute("ALTER TABLE activity_log DISABLE TRIGGER activity_log_append_only")
        conn.execute("UPDATE activity_log SET actor = 'somebody else' WHERE id = %s", [second])
    broken = world.saiweb("audit", "verify", check=False)
    assert broken.returncode == 1
    assert f"Record {second} is not as it was written" in broken.stderr
    assert broken.stdout.startswith("5 records.")
