"""Evidence: what was signed verifies, offline and in the database; whatever is changed is found and named."""

from __future__ import annotations

import ast
import io
import json
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import html5lib
import psycopg
import pytest

from saiweb.postgres import EmbeddedPostgres
from saiweb.queries import review_assessments
from saiweb.services import evidence, evidence_verify, review_verify
from saiweb.services import reviews as service
from saiweb.services.image_store import ImageStore, StoredImage
from tests.environment import OWNER, jpeg
from tests.reviewing import Room, room
from tests.services.test_reviews import refused

__all__ = ["room"]

Files = dict[str, bytes]


@pytest.fixture
def store(tmp_path: Path) -> ImageStore:
    return ImageStore(tmp_path / "images", min_free_bytes=0)


@pytest.fixture
def judged(room: Room, store: ImageStore) -> int:
    """A critical with a picture, judged, withdrawn, judged again, confirmed by a second expert and closed."""
    execution_id = room.execution("critical")
    stored = store.store(execution_id, [jpeg()])
    assert isinstance(stored, StoredImage)
    names = ("original_path", "thumbnail_path", "sha256", "size_bytes", "width", "height", "format")
    room.image(execution_id, **{name: getattr(stored, name) for name in names})
    room.tick()
    review = room.review(execution_id)
    owner = room.owner(review)
    room.submit(owner, review, "high", downgrade_reason="apurado")
    service.undo(room.conn, owner, review.id, signer=room.signer(owner), now=room.now)
    room.judge(execution_id, "critical", notes="columna de humo, «clara»", false_alarm_reasons=[])
    room.judge(execution_id, "critical", opinion=2)
    assert room.case(execution_id).state == "closed"
    return execution_id


def zipped(room: Room, store: ImageStore, execution_id: int, name: str = "ada") -> bytes:
    out = io.BytesIO()
    evidence.pack(evidence.gather(room.conn, room.askers[name], execution_id, room.now), store, out)
    return out.getvalue()


@pytest.fixture
def files(room: Room, store: ImageStore, judged: int, tmp_path: Path) -> Files:
    path = tmp_path / "bundle.zip"
    path.write_bytes(zipped(room, store, judged))
    return evidence_verify.read(path)


def test_a_bundle_verifies_offline_with_nothing_of_this_project(
    room: Room, store: ImageStore, judged: int, tmp_path: Path
) -> None:
    folder = tmp_path / "elsewhere"
    with zipfile.ZipFile(io.BytesIO(zipped(room, store, judged))) as archive:
        archive.extractall(folder)
        assert archive.testzip() is None
    run = subprocess.run(
        [sys.executable, "-I", "verify.py"], cwd=folder, capture_output=True, text=True, check=False, env={}
    )
    assert (run.returncode, run.stdout) == (0, "Todo está como fue firmado.\n"), run.stderr
    (folder / "original.jpg").write_bytes(jpeg(seed=9))
    run = subprocess.run(
        [sys.executable, "-I", "verify.py"], cwd=folder, capture_output=True, text=True, check=False, env={}
    )
    assert run.returncode == 1
    assert "ROTO  original.jpg:" in run.stdout


def test_the_verifier_needs_the_standard_library_and_cryptography_alone() -> None:
    tree = ast.parse(evidence.VERIFIER.read_text())
    found = {
        (one.module or "").split(".")[0] if isinstance(one, ast.ImportFrom) else one.names[0].name
        for one in ast.walk(tree)
        if isinstance(one, ast.Import | ast.ImportFrom)
    }
    assert found <= set(sys.stdlib_module_names) | {"cryptography"}


def test_a_bundle_holds_all_of_it(files: Files, judged: int) -> None:
    names = set(files)
    assert {"original.jpg", "record.json", "chain.json", "custody.json", "keys.json", "informe.html"} <= names
    documents = [json.loads(files[f"assessments/{number:04d}.json"]) for number in range(1, 5)]
    assert [one["kind"] for one in documents] == ["verdict", "withdrawal", "verdict", "verdict"]
    assert len([name for name in names if name.startswith("keys/")]) == 2
    actions = [json.loads(one["text"])[7] for one in json.loads(files["custody.json"])]
    assert actions[0] == "review.assign"
    assert actions[-1] == "review_case.close"
    assert b"PRIVATE" not in b"".join(files.values())


def test_the_page_is_whole_spanish_and_alone(files: Files) -> None:
    page = files["informe.html"].decode()
    parser = html5lib.HTMLParser(strict=True)
    parser.parse(page)
    assert '<html lang="es">' in page
    for text in ("columna de humo, «clara»", "crítica (acuerdo entre expertos)", "retiro del anterior"):
        assert text in page
    assert "<script" not in page
    assert "http" not in page


def test_a_flipped_byte_of_any_file_is_named(files: Files) -> None:
    assert evidence_verify.check(files) == []
    for name, content in files.items():
        places = {0, len(content) // 3, len(content) // 2, len(content) - 1}
        for place in places:
            broken = bytearray(content)
            broken[place] ^= 1
            problems = evidence_verify.check({**files, name: bytes(broken)})
            assert problems, (name, place)
            if name != "manifest.json":
                assert any(one.startswith(f"{name}:") for one in problems), (name, place, problems)


def remade(files: Files) -> Files:
    """Return the files with a manifest made anew, as a forger would."""
    hashes = {name: evidence_verify._sha256(content) for name, content in files.items() if name != "manifest.json"}
    manifest = json.loads(files["manifest.json"]) | {"files": hashes}
    return {**files, "manifest.json": json.dumps(manifest).encode()}


def test_a_flipped_byte_of_what_was_signed_is_named_whatever_the_manifest_says(files: Files) -> None:
    for name in ("assessments/0001.json", "assessments/0003.json", "record.json", "original.jpg", "custody.json"):
        for place in range(3, len(files[name]) - 3, max(1, len(files[name]) // 40)):
            broken = bytearray(files[name])
            broken[place] ^= 1
            changed = remade({**files, name: bytes(broken)})
            if name == "custody.json" and json_equal(changed[name], files[name]):
                continue
            problems = evidence_verify.check(changed)
            assert any(name in one for one in problems), (name, place, problems)


def json_equal(first: bytes, second: bytes) -> bool:
    try:
        return json.loads(first) == json.loads(second)
    except ValueError:
        return False


@pytest.mark.parametrize("number", [1, 2, 3])
def test_a_record_that_was_taken_out_is_missed(files: Files, number: int) -> None:
    gone = f"assessments/{number:04d}.json"
    assert any(one.startswith(gone) for one in evidence_verify.check(without(files, gone)))
    chain = [one for one in json.loads(files["chain.json"]) if one["file"] != gone]
    forged = remade({**without(files, gone), "chain.json": json.dumps(chain).encode()})
    problems = evidence_verify.check(forged)
    following = f"assessments/{number + 1:04d}.json"
    assert any(one.startswith(f"{following}: dice ser el registro {number + 1}") for one in problems)


def without(files: Files, name: str) -> Files:
    return {key: content for key, content in files.items() if key != name}


def test_records_that_changed_places_are_named(files: Files) -> None:
    chain = json.loads(files["chain.json"])
    chain[1], chain[2] = chain[2], chain[1]
    problems = evidence_verify.check(remade({**files, "chain.json": json.dumps(chain).encode()}))
    assert any("assessments/0003.json: dice ser el registro 3 y está en el lugar 2" in one for one in problems)
    swapped = {**files, "assessments/0002.json": files["assessments/0003.json"]}
    assert any("0002.json: la firma" in one for one in evidence_verify.check(remade(swapped)))


def test_a_chain_of_custody_that_lost_or_moved_an_entry_is_named(files: Files) -> None:
    entries = json.loads(files["custody.json"])
    for changed in (entries[1:], [entries[1], entries[0], *entries[2:]], [*entries[:2], *entries[3:]]):
        problems = evidence_verify.check(remade({**files, "custody.json": json.dumps(changed).encode()}))
        assert any(one.startswith("custody.json:") for one in problems)


def test_a_key_of_somebody_else_does_not_pass(files: Files) -> None:
    keys = json.loads(files["keys.json"])
    first, second = keys[0]["file"], keys[1]["file"]
    swapped = remade({**files, first: files[second], second: files[first]})
    assert any("keys/" in one for one in evidence_verify.check(swapped))
    keys[0]["holder_id"], keys[1]["holder_id"] = keys[1]["holder_id"], keys[0]["holder_id"]
    problems = evidence_verify.check(remade({**files, "keys.json": json.dumps(keys).encode()}))
    assert any("la clave no es la de quien" in one for one in problems)


def test_what_is_no_bundle_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "x.zip").write_bytes(b"PK nothing")
    assert evidence_verify.main([str(tmp_path / "x.zip")]) == 1
    assert "no se puede abrir" in capsys.readouterr().out
    for odd in (b"", b"[]", b"{}", b'{"files": 3}', b"\xff"):
        assert evidence_verify.check({"manifest.json": odd, "chain.json": odd, "record.json": odd})


def test_a_picture_that_was_lost_or_changed_makes_no_bundle(room: Room, store: ImageStore, judged: int) -> None:
    path = store.root / f"by-execution/0/{judged}/original.jpg"
    path.chmod(0o600)
    path.write_bytes(jpeg(seed=3))
    with pytest.raises(evidence.PictureLostError):
        zipped(room, store, judged)
    path.unlink()
    with pytest.raises(evidence.PictureLostError):
        zipped(room, store, judged)


def test_an_execution_without_verdict_or_picture_has_a_bundle_too(room: Room, store: ImageStore) -> None:
    execution_id = room.execution("high")
    room.tick()
    content = io.BytesIO(zipped(room, store, execution_id))
    with zipfile.ZipFile(content) as archive:
        assert evidence_verify.check({name: archive.read(name) for name in archive.namelist()}) == []


def test_who_may_take_it_and_that_it_is_written_down(room: Room, store: ImageStore, judged: int) -> None:
    waiting = room.execution("critical")
    for name, execution_id, reason in (
        ("vera", judged, "not_admin"),
        ("elena", waiting, "not_done"),
        ("ada", 999, "not_found"),
    ):
        with refused(reason):
            evidence.gather(room.conn, room.askers[name], execution_id, room.now)
    assert zipped(room, store, judged, "elena")
    bundle = evidence.gather(room.conn, room.askers["ada"], judged, room.now)
    [(details,)] = room.conn.execute(
        "SELECT details FROM activity_log WHERE action = 'review_case.evidence' AND actor = 'ada'"
    ).fetchall()
    assert details["manifest"] == bundle.manifest_sha256


# the database


@pytest.fixture
def tamper(postgres: EmbeddedPostgres, room: Room, judged: int) -> Iterator[Callable[..., None]]:
    """Change signed records as the owner of the database, with its guards switched off."""
    room.conn.commit()
    with psycopg.connect(postgres.conninfo(room.conn.info.dbname, OWNER), autocommit=True) as owner:

        def change(statement: str, *values: object) -> None:
            owner.execute("ALTER TABLE review_assessments DISABLE TRIGGER USER")
            owner.execute(statement.encode(), values)
            owner.execute("ALTER TABLE review_assessments ENABLE TRIGGER USER")

        yield change


def problems(room: Room) -> list[str]:
    return review_verify.verify(room.conn).problems


def test_what_was_signed_verifies_and_names_its_head(room: Room, judged: int) -> None:
    found = review_verify.verify(room.conn)
    assert (found.count, found.head_id, found.problems) == (4, 4, [])
    assert found.head_hash
    assert review_verify.verify(room.conn, expected=found.head_hash).has_expected
    assert not review_verify.verify(room.conn, expected="0" * 64).has_expected


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE review_assessments SET document = overlay(document placing 'x' from 40) WHERE id = 3",
        "UPDATE review_assessments SET signature = sha256('') || sha256('') WHERE id = 3",
        'UPDATE review_assessments SET payload = payload || \'{"kind": "withdrawal"}\' WHERE id = 3',
        "UPDATE review_assessments SET hash = sha256('') WHERE id = 3",
        "UPDATE review_assessments SET previous_hash = sha256('') WHERE id = 3",
        "UPDATE review_assessments SET expert_id = (SELECT id FROM users WHERE username = 'ada') WHERE id = 3",
        "UPDATE review_assessments SET revision = 9 WHERE id = 3",
    ],
)
def test_a_changed_record_is_named(room: Room, tamper: Callable[..., None], statement: str) -> None:
    tamper(statement)
    assert any(one.startswith("Record 3:") for one in problems(room))


def test_a_record_that_was_deleted_is_missed(room: Room, tamper: Callable[..., None]) -> None:
    tamper("DELETE FROM review_assessments WHERE id = 2")
    assert any(one.startswith("Record 3: follows record 1") for one in problems(room))


def test_records_that_changed_places_in_the_database_are_named(room: Room, tamper: Callable[..., None]) -> None:
    for before, after in ((2, -1), (3, 2), (-1, 3)):
        tamper("UPDATE review_assessments SET id = %s WHERE id = %s", after, before)
    assert any(one.startswith("Record 2:") for one in problems(room))


def test_an_end_that_was_cut_off_shows_in_the_verdict_in_force_and_by_a_noted_hash(
    room: Room, tamper: Callable[..., None]
) -> None:
    head = review_verify.verify(room.conn).head_hash
    room.conn.commit()
    tamper("DELETE FROM review_assessments WHERE id = 4")
    assert any(one.startswith("Review ") for one in problems(room))
    assert not review_verify.verify(room.conn, expected=head).has_expected


def test_a_verdict_in_force_that_nobody_signed_is_named(room: Room, tamper: Callable[..., None]) -> None:
    room.conn.execute("UPDATE expert_reviews SET expert_risk_level = 'none' WHERE opinion = 2")
    assert problems(room) == [
        f"Review {room.opinions(1)[1].id}: the verdict in force is not what its newest signed record says."
    ]


@pytest.mark.parametrize("change", [{"position": 9}, {"previous": None}, {"revision": 7}, {"review_id": "x"}])
def test_the_database_takes_no_document_that_names_another_place(
    room: Room, judged: int, change: dict[str, Any]
) -> None:
    from saiweb.services.verdicts import canonical

    last = replace(review_assessments.of_case(room.conn, judged)[-1])
    document = canonical({**last.payload, "revision": 2, "position": 5, "previous": last.hash.hex(), **change})
    with pytest.raises(psycopg.errors.IntegrityConstraintViolation), room.conn.transaction():
        review_assessments.append(
            room.conn,
            review_id=last.review_id,
            revision=2,
            expert_id=last.expert_id,
            key_id=last.key_id,
            document=document,
            signature=bytes(64),
        )
