"""The commands that an operator types: what they say, and how they end."""

import pytest

from saiweb.demo import answers, frames, writer
from tests.environment import World, jpeg


def write(world: World, *risks: answers.Risk) -> list[int]:
    """Let n8n finish one execution per risk."""
    frame = frames.from_bytes(jpeg())
    world.n8n_folder.mkdir(exist_ok=True)
    with world.as_n8n() as conn:
        return [
            writer.write_execution(conn, frame, answers.for_risk(frame, risk), n8n_folder=world.n8n_folder)
            for risk in risks
        ]


def test_check_has_a_line_for_everything_and_a_remedy_for_what_is_wrong(world: World) -> None:
    world.n8n_folder.mkdir()
    good = world.saiweb("check")
    lines = good.stdout.splitlines()
    assert all(line.startswith("ok") for line in lines), good.stdout
    subjects = ("dashboard database", "schema", "grants", "n8n database", "n8n trigger", "n8n files", "image cache")
    for subject in subjects:
        assert any(subject in line for line in lines), subject
    world.saiweb("n8n", "remove")
    world.extra |= {"N8N_STORAGE_PATHS": str(world.folder / "nowhere"), "IMAGE_CACHE_MIN_FREE": "900000GB"}
    bad = world.saiweb("check", check=False)
    assert bad.returncode == 1
    assert "saiweb n8n install" in bad.stdout or "N8N_DB_USER" in bad.stdout
    assert "no folder that this user may read" in bad.stdout
    assert "IMAGE_CACHE_MIN_FREE" in bad.stdout
    assert "Traceback" not in bad.stderr


def test_check_says_when_a_database_is_away(world: World) -> None:
    world.extra |= {"SAI_DB_NAME": "not_there", "N8N_DB_NAME": "not_there_either"}
    found = world.saiweb("check", check=False)
    assert found.returncode == 1
    assert "Check SAI_DB_HOST" in found.stdout
    assert "Check N8N_DB_HOST" in found.stdout


def test_install_status_and_remove_go_round(world: World) -> None:
    assert world.saiweb("n8n", "status").returncode == 0
    removed = world.saiweb("n8n", "remove")
    assert "sai_etl_trigger" in removed.stdout
    status = world.saiweb("n8n", "status", check=False)
    assert status.returncode == 1
    assert status.stderr.strip() == "Error: Not complete: run saiweb n8n install."
    world.saiweb("n8n", "install")
    assert world.saiweb("n8n", "status").returncode == 0


def test_backfill_loads_what_is_missing_between_two_days_and_verify_agrees(world: World) -> None:
    write(world, "none", "critical")
    before = world.saiweb("etl", "verify", check=False)
    assert before.returncode == 1
    assert "saiweb etl backfill" in before.stderr
    assert "0 executions loaded." in world.saiweb("etl", "backfill", "--until", "2020-01-01").stdout
    assert "0 executions loaded." in world.saiweb("etl", "backfill", "--since", "2100-01-01").stdout
    assert "2 executions loaded." in world.saiweb("etl", "backfill").stdout
    assert world.saiweb("etl", "verify").returncode == 0


def test_what_is_parked_is_listed_with_its_reason_and_queued_again_on_request(world: World) -> None:
    (execution_id,) = write(world, "high")
    with world.as_n8n() as conn:
        kept = conn.execute("SELECT data FROM execution_data").fetchall()[0]["data"]
        conn.execute("UPDATE execution_data SET data = '{not n8n''s'")
    world.extra["ETL_RETRY_ATTEMPTS"] = "1"
    assert world.saiweb("etl", "backfill", check=False).returncode == 1
    listed = world.saiweb("etl", "failed").stdout
    assert str(execution_id) in listed
    assert "cannot be read" in listed
    assert "1 parked." in listed
    with world.as_n8n() as conn:
        conn.execute("UPDATE execution_data SET data = %s", [kept])
    assert "1 queued again." in world.saiweb("etl", "retry").stdout
    world.saiweb("etl", "backfill")
    assert "0 parked." in world.saiweb("etl", "failed").stdout
    assert world.query("SELECT risk_level::text FROM execution_analysis") == [{"risk_level": "high"}]


def test_links_are_built_anew(world: World) -> None:
    write(world, "high")
    world.saiweb("etl", "backfill")
    link = next((world.config.image_cache_path / "by-status" / "high").iterdir())
    link.unlink()
    stale = link.with_name("9999_gone.jpg")
    stale.symlink_to("../../by-execution/0/9999/original.jpg")
    assert "1 pictures linked, 1 old links removed." in world.saiweb("images", "links").stdout
    assert link.resolve().is_file()
    assert not link.readlink().is_absolute()
    assert not stale.is_symlink()


@pytest.mark.parametrize("command", [("etl", "run"), ("etl", "backfill"), ("etl", "verify")])
def test_without_n8n_the_etl_says_what_to_set(world: World, command: tuple[str, ...]) -> None:
    world.extra["N8N_DB_HOST"] = ""
    ended = world.saiweb(*command, check=False)
    assert ended.returncode == 1
    assert ended.stderr.strip() == "Error: No database of n8n is configured: set N8N_DB_HOST."


def test_a_wrong_variable_is_a_sentence_and_not_a_traceback(world: World) -> None:
    world.extra |= {"ETL_BATCH_SIZE": "many", "SAI_TIMEZONE": "Cordoba"}
    ended = world.saiweb("check", check=False)
    assert ended.returncode == 1
    assert "ETL_BATCH_SIZE" in ended.stderr
    assert "SAI_TIMEZONE" in ended.stderr
    assert "Traceback" not in ended.stderr
