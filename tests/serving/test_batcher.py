from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from time import sleep

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from daytwo.batch import Batch
from daytwo.errors import DaytwoError, Overloaded, PredictionFailed, TimedOut
from daytwo.serving.batcher import Batcher, Gauges, Limits
from daytwo.serving.cost import Cost
from daytwo.serving.instruments import Instruments, Layout
from daytwo.serving.tickets import Ticket
from serving.service import Line, rows, value

MODEL = ("line", "1")
INLINE, THREAD = 1.0, 0.0  # seconds that a hand-over costs: with 1 all is cheap, with 0 a measured second is not


def make(
    model: Line,
    *,
    handover_s: float = INLINE,
    cost_s: float = 0.0,
    lanes: int = 1,
    inline: bool = True,
    **limits: float,
) -> Batcher:
    instruments = Instruments(Layout([MODEL]))
    stage = "daytwo_stage_duration_seconds"
    gauges = Gauges(
        instruments.counter("daytwo_queue_depth", *MODEL),
        instruments.histogram(stage, *MODEL, "queue"),
        instruments.histogram(stage, *MODEL, "predict"),
        instruments.histogram("daytwo_batch_rows", *MODEL),
        instruments.counter("daytwo_rows_total", *MODEL),
    )
    cost = Cost(handover_s)
    if cost_s:
        cost.learn(1, cost_s)
    batcher = Batcher(model.predict, cost, gauges, Limits(**limits), lanes=lanes, inline=inline)  # type: ignore[arg-type]  # numbers by name
    batcher.instruments = instruments  # type: ignore[attr-defined]  # for the assertions
    return batcher


class Asked(asyncio.Future[Batch]):
    """What a caller awaits; cancelling it means that the caller left."""

    batcher: Batcher
    ticket: Ticket | None = None

    def answered(self, said: Batch | DaytwoError) -> None:
        assert not self.done()  # nobody is told twice, and nobody who left
        if isinstance(said, Batch):
            self.set_result(said)
        else:
            self.set_exception(said)

    def cancel(self, msg: object = None) -> bool:
        if self.ticket is not None:
            self.batcher.leave(self.ticket)
        return super().cancel()


def submit(batcher: Batcher, batch: Batch, timeout_s: float | None = None) -> Asked:
    asked = Asked()
    asked.batcher = batcher
    asked.ticket = batcher.submit(batch, asked.answered, timeout_s)
    return asked


def refuse(bad: float) -> Callable[[Batch], None]:
    def before(batch: Batch) -> None:
        if bad in batch["b"]:
            raise ValueError("this row is poison")

    return before


def test_requests_of_one_turn_of_the_loop_go_through_the_model_together() -> None:
    sizes: list[int] = []

    async def ask() -> list[Batch]:
        batcher = make(Line(lambda batch: sizes.append(batch.rows)))
        return await asyncio.gather(*[submit(batcher, rows((i, i))) for i in range(5)])

    answers = asyncio.run(ask())
    assert sizes == [5]
    assert [answer["value"].tolist() for answer in answers] == [[1001.0 * i] for i in range(5)]


def test_while_the_model_is_busy_what_arrives_forms_the_next_batch() -> None:
    sizes: list[int] = []
    running, go = threading.Event(), threading.Event()

    def before(batch: Batch) -> None:
        sizes.append(batch.rows)
        running.set()
        assert go.wait(10)

    async def ask() -> None:
        batcher = make(Line(before), handover_s=THREAD, cost_s=1.0)
        first = submit(batcher, rows((1, 1)))
        await asyncio.to_thread(running.wait)
        others = [submit(batcher, rows((i, 2))) for i in range(4)]
        await asyncio.sleep(0)
        assert batcher.queued_rows == 4
        go.set()
        await asyncio.gather(first, *others)
        assert batcher.queued_rows == 0
        batcher.close()

    asyncio.run(ask())
    assert sizes == [1, 4]


@pytest.mark.parametrize("limit", [{"max_batch_rows": 3}, {"max_batch_bytes": 3 * 16}])
@pytest.mark.parametrize("handover_s", [INLINE, THREAD])
def test_a_batch_stops_at_its_limits_and_a_larger_request_is_split_and_joined_in_order(
    limit: dict[str, float], handover_s: float
) -> None:
    seen: list[list[float]] = []

    async def ask() -> list[Batch]:
        batcher = make(Line(lambda b: seen.append(b["b"].tolist())), handover_s=handover_s, cost_s=1e-3, **limit)
        requests = [rows((1, 0)), rows((1, 1), (1, 2)), rows(*[(1, 3 + i) for i in range(7)]), rows((1, 10))]
        answers = await asyncio.gather(*[submit(batcher, request) for request in requests])
        batcher.close()
        return answers

    answers = asyncio.run(ask())
    assert seen == [[0, 1, 2], [3, 4, 5], [10, 6, 7], [8, 9]]  # the large one lets the others have their turn
    assert [answer["value"].tolist() for answer in answers] == [
        [1000], [1001, 1002], [1003, 1004, 1005, 1006, 1007, 1008, 1009], [1010]
    ]  # fmt: skip


@pytest.mark.parametrize("handover_s", [INLINE, THREAD])
def test_a_poisoned_row_fails_alone(handover_s: float) -> None:
    async def ask() -> list[Batch | BaseException]:
        batcher = make(Line(refuse(13.0)), handover_s=handover_s, cost_s=1.0)
        requests = [submit(batcher, rows((i, 13 if i == 7 else 1))) for i in range(16)]
        answers = await asyncio.gather(*requests, return_exceptions=True)
        batcher.close()
        return answers

    answers = asyncio.run(ask())
    failed = [i for i, answer in enumerate(answers) if isinstance(answer, BaseException)]
    assert failed == [7]
    assert isinstance(answers[7], PredictionFailed)
    assert "this row is poison" in str(answers[7])


def test_too_many_waiting_rows_are_refused_at_once_and_the_waiting_ones_are_answered() -> None:
    async def ask() -> None:
        batcher = make(Line(), max_queue_rows=3)
        waiting = [submit(batcher, rows((i, i), (i, i))) for i in range(1)]
        with pytest.raises(Overloaded, match="2 rows are waiting; try again in 1 s") as refused:
            submit(batcher, rows((1, 1), (1, 1)))
        assert refused.value.reason == "queue_full"
        await asyncio.gather(*waiting)

    asyncio.run(ask())


def test_a_request_that_would_be_answered_too_late_is_refused_at_once() -> None:
    async def ask() -> None:
        batcher = make(Line(), cost_s=10.0, timeout_s=30.0, max_batch_rows=1)
        first = submit(batcher, rows((1, 1)))
        second = submit(batcher, rows((1, 1)))
        for asked in (lambda: submit(batcher, rows((1, 1))), batcher.consider):
            with pytest.raises(Overloaded, match="over 30 s") as refused:
                asked()
            assert (refused.value.reason, refused.value.retry_after_s) == ("deadline", 20)
        await asyncio.gather(first, second)
        batcher.consider()

    asyncio.run(ask())


def test_a_caller_may_be_less_patient_than_the_server_and_not_more() -> None:
    async def ask() -> None:
        batcher = make(Line(), cost_s=1.0, timeout_s=10.0, max_batch_rows=1)
        waiting = [submit(batcher, rows((1, 1))) for _ in range(3)]
        with pytest.raises(Overloaded, match="over 2 s"):
            submit(batcher, rows((1, 1)), timeout_s=2.0)
        assert waiting[0].ticket is not None
        await submit(batcher, rows((1, 1)), timeout_s=60.0)
        patient = [ticket.deadline - ticket.asked for ticket in [waiting[0].ticket]]
        assert patient == pytest.approx([10.0])

    asyncio.run(ask())


def test_who_waits_too_long_for_others_is_not_computed() -> None:
    seen: list[float] = []
    go = threading.Event()

    def before(batch: Batch) -> None:
        seen.extend(batch["a"].tolist())
        assert go.wait(10)

    async def ask() -> None:
        batcher = make(Line(before), handover_s=THREAD, cost_s=0.001)
        first = submit(batcher, rows((1, 1)))
        await turns(2)
        late, patient = submit(batcher, rows((2, 2)), timeout_s=0.02), submit(batcher, rows((3, 3)))
        with pytest.raises(TimedOut, match=r"no answer within 0\.02 s"):
            await late
        assert batcher.queued_rows == 1
        go.set()
        await asyncio.gather(first, patient)
        batcher.close()

    asyncio.run(ask())
    assert seen == [1.0, 3.0]


def test_what_a_caller_that_left_held_is_free_at_once() -> None:
    async def ask() -> None:
        batcher = make(Line(), max_queue_rows=3)
        leaving = submit(batcher, rows((1, 1), (1, 1), (1, 1)))
        leaving.cancel()
        assert batcher.queued_rows == 0
        await submit(batcher, rows((2, 2), (2, 2), (2, 2)))

    asyncio.run(ask())


def test_memory_that_waits_is_bounded() -> None:
    async def ask() -> None:
        batcher = make(Line(), max_queue_bytes=8_000)
        waiting = [submit(batcher, rows((i, i))) for i in range(2)]
        with pytest.raises(Overloaded, match="2 rows are waiting"):
            submit(batcher, rows((1, 1)))
        await asyncio.gather(*waiting)

    asyncio.run(ask())


def test_lanes_run_side_by_side_and_share_what_waits() -> None:
    sizes: list[int] = []
    both = threading.Barrier(2)

    def before(batch: Batch) -> None:
        sizes.append(batch.rows)
        both.wait(10)

    async def ask() -> list[Batch]:
        batcher = make(Line(before), handover_s=THREAD, cost_s=1.0, lanes=2)
        answers = await asyncio.gather(*[submit(batcher, rows((i, i))) for i in range(4)])
        batcher.close()
        return answers

    answers = asyncio.run(ask())
    assert sizes == [2, 2]
    assert [answer["value"][0] for answer in answers] == [0.0, 1001.0, 2002.0, 3003.0]


def test_one_lane_that_hangs_does_not_make_the_others_refuse() -> None:
    go = threading.Event()

    def before(batch: Batch) -> None:
        if batch["a"][0] == 9:
            assert go.wait(10)

    async def ask() -> None:
        batcher = make(Line(before), handover_s=THREAD, cost_s=0.001, lanes=2)
        hangs = submit(batcher, rows((9, 9)))
        await asyncio.sleep(0.3)  # so overdue that half of it is more than anybody has patience for
        for number in range(5):
            await submit(batcher, rows((number, 1)), timeout_s=0.1)
        go.set()
        await hangs
        batcher.close()

    asyncio.run(ask())


def test_a_large_request_does_not_make_the_server_refuse_small_ones_that_it_would_not_delay() -> None:
    async def ask() -> None:
        batcher = make(Line(), handover_s=THREAD, cost_s=0.001, max_batch_rows=10)
        large = submit(batcher, rows(*[(1, i) for i in range(5000)]))  # half a second and more
        await turns(2)
        small = [await submit(batcher, rows((2, 2)), timeout_s=0.25) for _ in range(3)]
        assert not large.done()
        assert len(small) == 3
        large.cancel()
        batcher.close()

    asyncio.run(ask())


def test_who_waits_behind_another_of_the_same_turn_is_told_in_time() -> None:
    go = threading.Event()

    async def ask() -> None:
        batcher = make(Line(lambda batch: assert_(go.wait(10))), handover_s=THREAD, cost_s=0.001, max_batch_rows=1)
        first, second = submit(batcher, rows((1, 1))), submit(batcher, rows((2, 2)), timeout_s=0.05)
        with pytest.raises(TimedOut):
            await second
        assert not first.done()
        go.set()
        await first
        batcher.close()

    asyncio.run(ask())


def test_thousands_whose_time_is_up_at_once_are_all_told() -> None:
    async def ask() -> list[Batch | BaseException]:
        batcher = make(Line(), max_batch_rows=1)
        late = [submit(batcher, rows((1, 1)), timeout_s=0.01) for _ in range(3000)]
        sleep(0.05)  # noqa: ASYNC251  the loop is held up
        return await asyncio.gather(*late, return_exceptions=True)

    assert {type(said) for said in asyncio.run(ask())} == {TimedOut}


def test_a_model_that_has_to_be_waited_for_is_never_asked_on_the_loop() -> None:
    seen: set[str] = set()

    async def ask() -> None:
        batcher = make(Line(lambda batch: seen.add(threading.current_thread().name)), cost_s=1e-6, inline=False)
        await asyncio.gather(*[submit(batcher, rows((1, 1))) for _ in range(3)])
        batcher.close()

    asyncio.run(ask())
    assert seen == {"daytwo-model_0"}


def test_a_model_that_loses_rows_fails_and_nobody_waits_for_ever() -> None:
    class Loses(Line):
        def predict(self, batch: Batch) -> Batch:
            return super().predict(batch.take(slice(0, 1)))

    async def ask() -> None:
        batcher = make(Loses(), cost_s=1e-3, max_batch_rows=2)
        with pytest.raises(PredictionFailed, match="1 rows"):
            await submit(batcher, rows((1, 1), (2, 2), (3, 3)))

    asyncio.run(ask())


def test_models_that_share_a_loop_take_turns() -> None:
    seen: list[str] = []

    async def ask() -> None:
        flooded = make(Line(lambda batch: seen.append("flooded")), max_batch_rows=1)
        quiet = make(Line(lambda batch: seen.append("quiet")), max_batch_rows=1)
        await asyncio.gather(*[submit(flooded, rows((i, i))) for i in range(50)], submit(quiet, rows((1, 1))))

    asyncio.run(ask())
    assert seen.index("quiet") == 1


@pytest.mark.parametrize("handover_s", [INLINE, THREAD])
def test_twenty_rounds_with_one_bad_request_among_fifteen_good_ones_fail_no_good_one(handover_s: float) -> None:
    async def ask() -> list[list[Batch | BaseException]]:
        batcher = make(Line(refuse(13.0)), handover_s=handover_s, cost_s=1e-3)
        said = []
        for _ in range(20):
            requests = [submit(batcher, rows((i, 13 if i == 7 else 1))) for i in range(16)]
            said.append(await asyncio.gather(*requests, return_exceptions=True))
        batcher.close()
        return said

    for answers in asyncio.run(ask()):
        assert [i for i, answer in enumerate(answers) if isinstance(answer, BaseException)] == [7]


def test_part_of_a_request_that_fails_fails_it_once_and_the_rest_of_it_is_not_computed() -> None:
    seen: list[float] = []

    def before(batch: Batch) -> None:
        seen.extend(batch["b"].tolist())
        refuse(2.0)(batch)

    async def ask() -> None:
        batcher = make(Line(before), cost_s=1e-3, max_batch_rows=2)
        with pytest.raises(PredictionFailed, match="poison"):
            await submit(batcher, rows(*[(1, i) for i in range(9)]))
        await submit(batcher, rows((1, 99)))

    asyncio.run(ask())
    assert seen == [0.0, 1.0, 2.0, 3.0, 99.0]


def test_a_caller_that_left_is_skipped() -> None:
    seen: list[float] = []

    async def ask() -> None:
        batcher = make(Line(lambda batch: seen.extend(batch["a"].tolist())))
        answers = [submit(batcher, rows((i, 0))) for i in range(3)]
        answers[1].cancel()
        await asyncio.gather(answers[0], answers[2])

    asyncio.run(ask())
    assert seen == [0.0, 2.0]


def test_a_trivial_model_is_asked_at_once_unless_others_wait() -> None:
    async def ask() -> None:
        batcher = make(Line(), cost_s=1e-6)
        first = submit(batcher, rows((1, 2)))
        assert first.done()
        assert first.result()["value"].tolist() == [1002.0]
        larger = submit(batcher, rows(*[(1, 2)] * 100))
        second = submit(batcher, rows((1, 2)))
        assert not second.done()
        await asyncio.gather(larger, second)

    asyncio.run(ask())


def test_a_model_that_is_not_trivial_waits_for_company() -> None:
    async def ask() -> None:
        first = submit(make(Line(), cost_s=0.001), rows((1, 2)))
        assert not first.done()
        await first

    asyncio.run(ask())


def test_what_was_done_is_counted() -> None:
    async def ask() -> Instruments:
        batcher = make(Line())
        await asyncio.gather(*[submit(batcher, rows((i, i), (i, i))) for i in range(3)])
        return batcher.instruments  # type: ignore[attr-defined, no-any-return]  # see make

    instruments = asyncio.run(ask())
    assert value(instruments, "daytwo_rows_total", *MODEL) == 6
    assert value(instruments, "daytwo_batch_rows", *MODEL) == 1
    assert value(instruments, "daytwo_stage_duration_seconds", *MODEL, "queue") == 3
    assert value(instruments, "daytwo_queue_depth", *MODEL) == 0


def test_trouble_with_one_caller_is_not_the_others(caplog: pytest.LogCaptureFixture) -> None:
    def broken(said: Batch | DaytwoError) -> None:
        raise OSError("the connection is gone")

    async def ask() -> Batch:
        batcher = make(Line())
        batcher.submit(rows((1, 1)), broken)
        return await submit(batcher, rows((2, 2)))

    assert asyncio.run(ask())["value"].tolist() == [2002.0]
    assert "the connection is gone" in caplog.text


class Panic(BaseException):
    """What a library written in Rust raises."""


@pytest.mark.parametrize("handover_s", [INLINE, THREAD])
def test_a_model_that_panics_fails_its_request_and_goes_on(handover_s: float) -> None:
    def before(batch: Batch) -> None:
        if batch["a"][0] == 1:
            raise Panic("index out of bounds")

    async def ask() -> None:
        batcher = make(Line(before), handover_s=handover_s, cost_s=1.0)
        with pytest.raises(PredictionFailed, match="index out of bounds"):
            await submit(batcher, rows((1, 1)))
        assert (await submit(batcher, rows((2, 2))))["value"].tolist() == [2002.0]
        batcher.close()

    asyncio.run(ask())


def test_when_the_time_of_a_request_is_up_it_is_told_though_the_model_is_still_at_work() -> None:
    go = threading.Event()

    async def ask() -> None:
        batcher = make(Line(lambda batch: assert_(go.wait(10))), handover_s=THREAD, cost_s=0.01, timeout_s=0.2)
        running = submit(batcher, rows((1, 1)))
        await turns(2)
        waiting = submit(batcher, rows((2, 2)))
        assert batcher.busy
        said = await asyncio.gather(running, waiting, return_exceptions=True)
        assert [type(error) for error in said] == [TimedOut, TimedOut]
        with pytest.raises(Overloaded):
            submit(batcher, rows((3, 3)))
        go.set()
        while batcher.busy:
            await asyncio.sleep(0.01)
        assert (await submit(batcher, rows((4, 4))))["value"].tolist() == [4004.0]
        batcher.close()

    asyncio.run(ask())


def assert_(holds: bool) -> None:
    assert holds


async def turns(count: int) -> None:
    for _ in range(count):
        await asyncio.sleep(0)


Action = tuple[str, int]
ACTIONS = st.lists(
    st.tuples(st.sampled_from(["ask", "poison", "hurry", "leave", "turn", "wait"]), st.integers(1, 12)), max_size=40
)


@settings(max_examples=120)
@given(actions=ACTIONS, lanes=st.sampled_from([0, 1, 3]), limit=st.integers(1, 6))
def test_whatever_arrives_fails_or_leaves_every_caller_gets_its_own_rows_in_order(
    actions: list[Action], lanes: int, limit: int
) -> None:
    """Lanes 0: on the loop. Whoever hurries may be refused or told that its time is up, but never wrongly answered."""

    async def play() -> None:
        handover_s = THREAD if lanes else INLINE
        model = Line(refuse(-1.0))
        batcher = make(model, handover_s=handover_s, cost_s=1e-3, max_batch_rows=limit, lanes=max(1, lanes))
        asked: list[tuple[str, list[tuple[float, float]], Asked]] = []
        for number, (action, count) in enumerate(actions):
            if action in ("ask", "poison", "hurry"):
                poisoned = count // 2 if action == "poison" else None
                said = [(float(number), -1.0 if i == poisoned else float(i)) for i in range(count)]
                try:
                    future = submit(batcher, rows(*said), 2e-3 if action == "hurry" else None)
                except Overloaded:
                    assert action == "hurry"
                else:
                    asked.append((action, said, future))
            elif action == "leave" and asked:
                asked[-1][2].cancel()
            elif action == "turn":
                await turns(1)
            elif action == "wait" and asked:
                await asyncio.wait([future for _, _, future in asked])
        if asked:
            await asyncio.wait([future for _, _, future in asked], timeout=10)
        for action, said, future in asked:
            if future.cancelled() or (action == "hurry" and isinstance(future.exception(), TimedOut)):
                continue
            if action == "poison":
                assert isinstance(future.exception(), PredictionFailed)
            else:
                assert future.result()["value"].tolist() == [1000 * a + b for a, b in said]
        assert batcher.queued_rows == 0
        batcher.close()

    asyncio.run(play())
