"""Random days in the watch room: whatever several people do, in whatever order, the promises about reviews hold.

No item without an owner that is not listed, nobody judges twice, no verdict lost or doubled, no deadline moved without
a name, and every state that can be reached can be left.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from typing import Any, cast
from uuid import UUID

import psycopg
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule, run_state_machine_as_test
from psycopg.rows import class_row

from saiweb.levels import RISK_LEVELS
from saiweb.queries import loads, review_assessments, review_queue, reviews, users
from saiweb.review_records import Asker, Case, Review
from saiweb.services import review_admin as admin
from saiweb.services import review_verify
from saiweb.services import reviews as service
from saiweb.services.review_rules import RefusedError
from tests.queries.test_loads import row
from tests.reviewing import Room

EXPERTS = ("elena", "ernesto", "emilia", "emma")
WHY = "porque sí"
RULES = {"detection", "risk_raised", "second_opinion", "third_opinion", "another_opinion", "reopened", "admin", "asked"}
LEVELS = st.sampled_from(RISK_LEVELS)
PICK = st.integers(0, 10_000)


class WatchRoom(RuleBasedStateMachine):
    """`conn` is rolled back after each run."""

    def __init__(self, conn: psycopg.Connection[Any]) -> None:
        super().__init__()
        self.conn = conn
        self.room = Room(conn)
        for name in EXPERTS:
            self.room.person(name)
        self.ada = self.room.person("ada", "admin")
        self.room.set(review_gold_percent=50, review_second_opinion_percent=20, review_blind_percent=30)
        self.signed = 0
        self.said: dict[UUID, str | None] = {}
        self.deadlines: dict[UUID, Any] = {}
        self.may_move = False
        self._begin()

    def teardown(self) -> None:
        try:
            self._leave_every_state()
            assert review_verify.verify(self.conn).problems == []
        finally:
            self.conn.rollback()

    def _begin(self) -> None:
        """A day that has begun: a closed case that is a gold item, and work for everybody."""
        golden = self.room.execution("critical")
        self.room.tick()
        for opinion in (1, 2):
            self._sign(self.room.review(golden, opinion), "critical")
            self.room.settle()
        admin.add_gold(self.conn, self.ada, golden, "critical", None)
        for risk in ("critical", "critical", "high", "high", "critical"):
            self.room.execution(risk)
        self.room.tick()

    # what happens

    @rule(risk=st.sampled_from(["critical", "critical", "high", "low", None]))
    def a_frame_comes(self, risk: str | None) -> None:
        flags: dict[str, Any] = {} if risk else {"smoke_detected": None, "flame_detected": None}
        self.room.execution(risk, **flags)

    @rule(pick=PICK, risk=st.sampled_from(["critical", "high", "none"]))
    def n8n_is_read_again(self, pick: int, risk: str) -> None:
        if self.room.next_execution == 1:
            return
        number = 1 + pick % (self.room.next_execution - 1)
        [(at,)] = self.conn.execute(
            "SELECT execution_timestamp FROM execution_keys WHERE execution_id = %s", [number]
        ).fetchall()
        times = {"execution_timestamp": at, "completion_timestamp": at, "source_created_at": at}
        loads.store(self.conn, row(id=number, risk_level=risk, **times))
        self.may_move = True

    @rule(minutes=st.sampled_from([0, 0, 1, 60, 130, 300]), lot=st.floats(0, 0.999))
    def time_passes(self, minutes: int, lot: float) -> None:
        self.room.now += timedelta(minutes=minutes, seconds=11)
        self.room.tick(dice=lambda: lot)
        gone = self.conn.execute("SELECT id FROM users WHERE NOT is_active").fetchall()
        assert not {one.expert_id for one in self._open()} & {user_id for (user_id,) in gone}

    @rule(name=st.sampled_from(EXPERTS), pick=PICK)
    def somebody_claims(self, name: str, pick: int) -> None:
        self._try(lambda review: service.claim(self.conn, self._who(name), review.id, self.room.now), pick)

    @rule(pick=PICK, act=st.sampled_from(["release", "park", "escalate", "draft", "open"]))
    def an_expert_does_something_with_the_own(self, pick: int, act: str) -> None:
        def do(review: Review) -> None:
            who, now = self._owner(review), self.room.now
            match act:
                case "release":
                    service.release(self.conn, who, review.id)
                case "park":
                    service.park(self.conn, who, review.id, WHY, now)
                case "escalate":
                    service.escalate(self.conn, who, review.id, WHY, now)
                case "draft":
                    draft = service.work(self.conn, who, review.id, now).draft
                    service.save_draft(self.conn, who, review.id, {"notes": str(pick)}, based_on=draft.version)
                case _:
                    service.work(self.conn, who, review.id, now)

        self._try(do, pick, is_owned=True)

    @rule(pick=PICK, level=st.one_of(LEVELS, LEVELS, LEVELS, st.none()))
    def an_expert_signs(self, pick: int, level: str | None) -> None:
        self._try(lambda review: self._sign(review, level), pick, is_owned=True)

    @rule(pick=PICK, level=st.one_of(LEVELS, LEVELS, st.none()), lot=st.floats(0, 0.999))
    def an_opinion_is_given_and_settles(self, pick: int, level: str | None, lot: float) -> None:
        self._try(lambda review: self._sign(review, level), pick, is_owned=True)
        self.time_passes(minutes=0, lot=lot)

    @rule(pick=PICK, level=LEVELS)
    def an_expert_signs_and_thinks_better_of_it(self, pick: int, level: str) -> None:
        def do(review: Review) -> None:
            self._sign(review, level)
            who = self._owner(review)
            service.undo(self.conn, who, review.id, signer=self.room.signer(who), now=self.room.now)
            self.signed += 1
            self.said.pop(review.id)

        self._try(do, pick, is_owned=True)

    @rule(pick=PICK)
    def an_expert_undoes(self, pick: int) -> None:
        def do(review: Review) -> None:
            who = self._owner(review)
            service.undo(self.conn, who, review.id, signer=self.room.signer(who), now=self.room.now)
            self.signed += 1
            self.said.pop(review.id)

        self._try(do, pick, is_done=True)

    @rule(name=st.sampled_from(EXPERTS), pick=PICK)
    def somebody_signs_what_is_not_theirs(self, name: str, pick: int) -> None:
        who = self._who(name)
        others = [one for one in self._all() if one.expert_id != who.user_id]
        if others:
            review = others[pick % len(others)]
            try:
                self.room.submit(who, review, "none")
            except RefusedError:
                return
            raise AssertionError(f"{name} signed {review}")

    @rule(pick=PICK, name=st.sampled_from(EXPERTS), act=st.sampled_from(["give", "take", "deadline"]))
    def the_admin_does_something_with_an_open_one(self, pick: int, name: str, act: str) -> None:
        def do(review: Review) -> None:
            now = self.room.now
            match act:
                case "give":
                    admin.assign_to(self.conn, self.ada, review.id, self._who(name).user_id or UUID(int=0), now)
                case "take":
                    admin.take_back(self.conn, self.ada, review.id, WHY)
                case _:
                    self.may_move = True
                    admin.set_deadline(self.conn, self.ada, review.id, now + timedelta(hours=1), WHY, now)

        self._try(do, pick)

    @rule(pick=PICK)
    def the_admin_opens_one_again(self, pick: int) -> None:
        def do(review: Review) -> None:
            self.may_move = True
            admin.reopen(self.conn, self.ada, review.id, WHY, self.room.now)
            self.said.pop(review.id, None)

        self._try(do, pick, is_done=True)

    @rule(pick=PICK, act=st.sampled_from(["decide", "leave", "another", "gold"]))
    def the_admin_does_something_with_a_case(self, pick: int, act: str) -> None:
        cases = self._cases()
        if not cases:
            return
        number = cases[pick % len(cases)].execution_id
        given = [one for one in reviews.of_case(self.conn, number) if one.expert_risk_level]
        chosen = given[pick % len(given)].id if given and act == "decide" else None
        try:
            with self.conn.transaction():
                match act:
                    case "decide" | "leave":
                        admin.decide(self.conn, self.ada, number, chosen, WHY, self.room.now)
                    case "another":
                        admin.ask_another(self.conn, self.ada, number, WHY, self.room.now)
                    case _:
                        admin.add_gold(self.conn, self.ada, number, "critical", None)
        except RefusedError:
            return

    @rule(pick=PICK)
    def somebody_asks_for_an_opinion(self, pick: int) -> None:
        if self.room.next_execution > 1:
            number = 1 + pick % (self.room.next_execution - 1)
            try:
                admin.ask_for(self.conn, self._who(EXPERTS[pick % 4]), number, WHY, self.room.now)
            except RefusedError:
                return

    @rule(name=st.sampled_from(EXPERTS), act=st.sampled_from(["disable", "enable", "absent", "back"]))
    def an_expert_comes_or_goes(self, name: str, act: str) -> None:
        who = self._who(name)
        assert who.user_id
        match act:
            case "disable" | "enable":
                users.set_active(self.conn, who.user_id, is_active=act == "enable")
            case "absent":
                self.room.absent(who, self.room.now.date())
            case _:
                self.conn.execute("UPDATE expert_absences SET cancelled_at = now() WHERE user_id = %s", [who.user_id])

    # what is promised

    @invariant()
    def nothing_is_without_an_owner_and_unlisted(self) -> None:
        unassigned = {one.id for one in review_queue.page(self.conn, self.ada, "unassigned", limit=500)[0]}
        everything = {one.id for one in review_queue.page(self.conn, self.ada, "all", limit=500)[0]}
        mine = {
            one.id: name
            for name in EXPERTS
            for one in review_queue.page(self.conn, self._who(name), "mine", limit=500)[0]
        }
        for review in self._open():
            assert review.id in everything
            assert (review.id in mine) != (review.id in unassigned)
            if review.expert_id is not None:
                assert self._who(mine[review.id]).user_id == review.expert_id

    @invariant()
    def no_case_is_stuck(self) -> None:
        awaited = {one.execution_id for one in self._open() if one.gold_id is None}
        for case in self._cases():
            waits = case.execution_id in awaited
            assert case.state != "open" or waits or case.settle_after is not None, case
            assert case.state == "open" or not waits, case

    @invariant()
    def nobody_judges_twice(self) -> None:
        rows = self.conn.execute(
            """
            SELECT DISTINCT r.execution_id, s.expert_id, r.id
            FROM review_assessments s JOIN expert_reviews r ON r.id = s.review_id
            """
        ).fetchall()
        assert all(count == 1 for count in Counter((number, who) for number, who, _ in rows).values())

    @invariant()
    def no_verdict_is_lost_or_doubled(self) -> None:
        assert self.conn.execute("SELECT count(*) FROM review_assessments").fetchone() == (self.signed,)
        assert review_assessments.unsigned(self.conn) == []
        in_force = {one.id: one.expert_risk_level for one in self._all() if not one.is_open and not one.is_superseded}
        assert in_force == self.said

    @invariant()
    def deadlines_move_by_name_alone(self) -> None:
        before, self.deadlines = self.deadlines, {one.id: one.deadline for one in self._all()}
        moved = {one for one, deadline in before.items() if self.deadlines[one] != deadline}
        assert not moved or self.may_move
        self.may_move = False
        last: dict[UUID, Any] = {}
        for review_id, then, now, name in self.conn.execute(
            "SELECT review_id, before, after, rule FROM review_deadlines ORDER BY id"
        ).fetchall():
            assert name in RULES
            assert last.get(review_id) == then
            last[review_id] = now
        assert last == self.deadlines

    # how

    def _leave_every_state(self) -> None:
        """Bring everybody back; then each case can be closed by ordinary means, in a few rounds."""
        self.conn.execute("UPDATE expert_absences SET cancelled_at = now()")
        for name in EXPERTS:
            users.set_active(self.conn, self._who(name).user_id or UUID(int=0), is_active=True)
        for _ in range(12):
            self.room.now += timedelta(seconds=11)
            self.room.tick()
            for review in self._open():
                if review.expert_id is None:
                    for name in EXPERTS:
                        try:
                            service.claim(self.conn, self._who(name), review.id, self.room.now)
                            break
                        except RefusedError:
                            continue
                    else:
                        admin.decide(self.conn, self.ada, review.execution_id, None, WHY, self.room.now)
                        continue
                self._sign(reviews.get(self.conn, review.id) or review, "high")
            for case in self._cases():
                if case.state == "disputed":
                    admin.decide(self.conn, self.ada, case.execution_id, None, WHY, self.room.now)
            if not self._open() and all(case.state == "closed" for case in self._cases()):
                break
        assert self._open() == []
        assert {case.state for case in self._cases()} <= {"closed"}

    def _sign(self, review: Review, level: str | None) -> None:
        content = {} if level in (None, "critical") else {"downgrade_reason": WHY}
        self.room.submit(self._owner(review), review, level, **content)
        self.signed += 1
        self.said[review.id] = level

    def _try(
        self, act: Callable[[Review], object], pick: int, *, is_owned: bool = False, is_done: bool = False
    ) -> None:
        """Do something to one of the reviews it may be done to; a rule may say no, and then nothing has happened."""
        found = [one for one in self._all() if one.is_open != is_done and (not is_owned or one.expert_id)]
        if not found:
            return
        said, signed = dict(self.said), self.signed
        try:
            with self.conn.transaction():
                act(found[pick % len(found)])
        except (RefusedError, service.StaleError):
            self.said, self.signed = said, signed

    def _who(self, name: str) -> Asker:
        return self.room.askers[name]

    def _owner(self, review: Review) -> Asker:
        return next(
            (one for one in self.room.askers.values() if one.user_id == review.expert_id), self.room.askers["ada"]
        )

    def _all(self) -> list[Review]:
        with self.conn.cursor(row_factory=class_row(Review)) as cursor:
            return cursor.execute(
                f"SELECT {reviews._REVIEW} FROM expert_reviews r ORDER BY r.execution_id, r.opinion, r.id"  # noqa: S608
            ).fetchall()

    def _open(self) -> list[Review]:
        return [one for one in self._all() if one.is_open]

    def _cases(self) -> list[Case]:
        with self.conn.cursor(row_factory=class_row(Case)) as cursor:
            return cursor.execute(
                f"SELECT {reviews._CASE} FROM review_cases c ORDER BY c.execution_id"  # noqa: S608
            ).fetchall()


def test_whatever_people_do_the_promises_hold(conn: psycopg.Connection[Any]) -> None:
    run_state_machine_as_test(
        cast("type[RuleBasedStateMachine]", lambda: WatchRoom(conn)),
        settings=settings(
            max_examples=25,
            stateful_step_count=30,
            deadline=None,
            derandomize=True,
            database=None,
            phases=[Phase.explicit, Phase.generate],  # shrinking takes minutes; the steps are printed anyway
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
        ),
    )
