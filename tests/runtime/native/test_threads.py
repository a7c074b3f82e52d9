from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator

import numpy as np
import pytest

from netc.compiler.emit.native.sync import CONTEXT_WORDS, barrier
from netc.runtime.native.jit import Code, host, load
from netc.runtime.native.threads import MOST, Team, aligned, team

# The context: the threads' words, then where the arguments of each function stand.
ARGUMENTS = """
  %at0 = getelementptr i64, ptr %context, i64 16
  %at1 = getelementptr i64, ptr %context, i64 17
  %at2 = getelementptr i64, ptr %context, i64 18
"""
HEAD = "(ptr %context, i64 %thread, i64 %threads) {\nentry:" + ARGUMENTS

PROGRAM = f"""
; Each thread counts its calls, at the address in word 16, and writes its number and how many they are.
define void @present{HEAD}
  %place = load ptr, ptr %at0
  %mine = getelementptr [8 x i64], ptr %place, i64 %thread
  %calls = load i64, ptr %mine
  %more = add i64 %calls, 1
  store i64 %more, ptr %mine
  %second = getelementptr i64, ptr %mine, i64 1
  store i64 %thread, ptr %second
  %third = getelementptr i64, ptr %mine, i64 2
  store i64 %threads, ptr %third
  ret void
}}

; Each thread's double of the number at the address in word 16, at the one in word 18.
define void @double{HEAD}
  %numbers = load ptr, ptr %at0
  %doubles = load ptr, ptr %at2
  %number = load double, ptr %numbers
  %twice = fmul double %number, 2.0
  %own = getelementptr double, ptr %doubles, i64 %thread
  store double %twice, ptr %own
  ret void
}}

; The sum of the numbers at the address in word 16, as many as word 17 says: each thread sums a part of them,
; and after the barrier thread 0 adds the parts, which stand at the address in word 18.
define void @sum{HEAD}
  %numbers = load ptr, ptr %at0
  %count = load i64, ptr %at1
  %parts = load ptr, ptr %at2
  %scaled = mul i64 %count, %thread
  %low = udiv i64 %scaled, %threads
  %after = add i64 %thread, 1
  %scaled.after = mul i64 %count, %after
  %high = udiv i64 %scaled.after, %threads
  %none = icmp eq i64 %low, %high
  br i1 %none, label %store, label %each
each:
  %i = phi i64 [%low, %entry], [%next, %each]
  %s = phi i64 [0, %entry], [%s.next, %each]
  %at = getelementptr i64, ptr %numbers, i64 %i
  %number = load i64, ptr %at
  %s.next = add i64 %s, %number
  %next = add i64 %i, 1
  %more = icmp ult i64 %next, %high
  br i1 %more, label %each, label %store
store:
  %part = phi i64 [0, %entry], [%s.next, %each]
  %place = getelementptr i64, ptr %parts, i64 %thread
  store i64 %part, ptr %place
  call void @barrier(ptr %context, i64 %threads)
  %first = icmp eq i64 %thread, 0
  br i1 %first, label %add, label %end
add:
  %k = phi i64 [0, %store], [%k.next, %add]
  %total = phi i64 [0, %store], [%total.next, %add]
  %k.at = getelementptr i64, ptr %parts, i64 %k
  %k.part = load i64, ptr %k.at
  %total.next = add i64 %total, %k.part
  %k.next = add i64 %k, 1
  %k.more = icmp ult i64 %k.next, %threads
  br i1 %k.more, label %add, label %write
write:
  store i64 %total.next, ptr %numbers
  br label %end
end:
  ret void
}}

; So many rounds as word 16 says: every thread adds to its own counter (at the address in word 17, a cache
; line each), meets the others, and looks whether all counters stand alike; word 18 counts what did not.
define void @meet{HEAD}
  %rounds = load i64, ptr %at0
  %counters = load ptr, ptr %at1
  %mine = getelementptr [8 x i64], ptr %counters, i64 %thread
  br label %round
round:
  %r = phi i64 [0, %entry], [%r.next, %leave]
  %r.next = add i64 %r, 1
  store i64 %r.next, ptr %mine
  call void @barrier(ptr %context, i64 %threads)
  br label %compare
compare:
  %k = phi i64 [0, %round], [%k.next, %compared]
  %other = getelementptr [8 x i64], ptr %counters, i64 %k
  %value = load i64, ptr %other
  %same = icmp eq i64 %value, %r.next
  br i1 %same, label %compared, label %differs
differs:
  %old = atomicrmw add ptr %at2, i64 1 monotonic
  br label %compared
compared:
  %k.next = add i64 %k, 1
  %k.more = icmp ult i64 %k.next, %threads
  br i1 %k.more, label %compare, label %leave
leave:
  call void @barrier(ptr %context, i64 %threads)
  %more = icmp ult i64 %r.next, %rounds
  br i1 %more, label %round, label %end
end:
  ret void
}}
"""
FUNCTIONS = ("present", "sum", "meet", "double")


@pytest.fixture(scope="module")
def code() -> Code:
    return load(barrier(host().isa) + PROGRAM, None, FUNCTIONS)


def call(code: Code, name: str, threads: int, *arguments: int) -> np.ndarray:
    """The context, after the function has run."""
    context = aligned(CONTEXT_WORDS + 3)
    context[CONTEXT_WORDS : CONTEXT_WORDS + len(arguments)] = arguments
    team().run(code.address(name), context.ctypes.data, threads)
    return context


@pytest.mark.parametrize("threads", [1, 2, 3, 5, MOST])
def test_every_thread_runs_it_once(code: Code, threads: int):
    seen = aligned(MOST * 8).reshape(MOST, 8)
    for _ in range(7):
        call(code, "present", threads, seen.ctypes.data)
    assert seen[:threads, 0].tolist() == [7] * threads
    assert seen[:threads, 1].tolist() == list(range(threads))
    assert seen[:threads, 2].tolist() == [threads] * threads
    assert not seen[threads:].any()


@pytest.mark.parametrize("threads", [1, 2, 3])
@pytest.mark.parametrize("count", [0, 1, 2, 1001])
def test_what_one_has_written_the_others_see(code: Code, threads: int, count: int):
    parts = aligned(8)
    for seed in range(20):
        numbers = np.random.default_rng(seed).integers(-(10**6), 10**6, count + 1)
        expected = numbers[:count].sum()
        call(code, "sum", threads, numbers.ctypes.data, count, parts.ctypes.data)
        assert numbers[0] == expected


@pytest.mark.parametrize(("threads", "rounds"), [(1, 1000), (2, 50_000), (3, 300)])
def test_nobody_passes_a_barrier_alone(code: Code, threads: int, rounds: int):
    counters = aligned(8 * threads)
    context = call(code, "meet", threads, rounds, counters.ctypes.data)
    assert counters[::8].tolist() == [rounds] * threads
    assert context[CONTEXT_WORDS + 2] == 0


def test_the_number_of_threads_may_change_from_call_to_call(code: Code):
    counters = aligned(8 * 4)
    for threads in (2, 1, 3, 4, 2, 1, 4):
        assert call(code, "meet", threads, 20, counters.ctypes.data)[CONTEXT_WORDS + 2] == 0


@pytest.fixture
def load_on_the_machine() -> Iterator[None]:
    """Twice as many busy processes as there are cores."""
    busy = [
        subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(2 * (os.cpu_count() or 1))
    ]
    try:
        yield
    finally:
        for process in busy:
            process.kill()
            process.wait()


@pytest.mark.usefixtures("load_on_the_machine")
def test_on_a_busy_machine(code: Code):
    counters = aligned(8 * 2)
    assert call(code, "meet", 2, 50, counters.ctypes.data)[CONTEXT_WORDS + 2] == 0


def test_a_worker_that_sleeps_is_woken(code: Code):
    seen = aligned(16).reshape(2, 8)
    for pause in (0, 20e-6, 45e-6, 50e-6, 60e-6, 100e-6, 2e-3) * 20:
        time.sleep(pause)
        call(code, "present", 2, seen.ctypes.data)
    assert seen[:, 0].tolist() == [140, 140]


def test_subnormal_numbers_are_0_while_a_function_runs_and_only_then(code: Code):
    numbers = np.full(4, 2.0**-1070)
    for threads in (1, 2, 3):
        written = np.full(4, -1.0)
        call(code, "double", threads, numbers.ctypes.data, 0, written.ctypes.data)
        assert written[:threads].tolist() == [0] * threads
        assert (2 * numbers == 2.0**-1069).all()


def test_callers_take_turns(code: Code):
    seen = aligned(16).reshape(2, 8)
    callers = [
        threading.Thread(target=lambda: [call(code, "present", 2, seen.ctypes.data) for _ in range(200)])
        for _ in range(4)
    ]
    for caller in callers:
        caller.start()
    for caller in callers:
        caller.join()
    assert seen[:, 0].tolist() == [800, 800]


def test_a_closed_team_hires_again(code: Code):
    seen = aligned(24).reshape(3, 8)
    ours = Team()
    context = aligned(CONTEXT_WORDS + 3)
    context[CONTEXT_WORDS] = seen.ctypes.data
    for _ in range(3):
        before = threading.active_count()
        ours.run(code.address("present"), context.ctypes.data, 3)
        assert threading.active_count() == before + 2
        ours.close()
        assert threading.active_count() == before
    assert seen[:, 0].tolist() == [3, 3, 3]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the system has no fork")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_forked_process_has_workers_of_its_own(code: Code):
    seen = aligned(16).reshape(2, 8)
    call(code, "present", 2, seen.ctypes.data)
    child = os.fork()
    if child == 0:
        call(code, "present", 2, seen.ctypes.data)
        os._exit(0 if seen[:, 0].tolist() == [2, 2] else 1)
    _, status = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(status) == 0
    call(code, "present", 2, seen.ctypes.data)
    assert seen[:, 0].tolist() == [2, 2]


@pytest.mark.parametrize("pause", ["0", "0.01"])
def test_the_interpreter_ends_with_workers_awake_or_asleep(pause: str):
    script = f"""
import time
from netc.runtime.native.jit import load
from netc.runtime.native.threads import aligned, team
code = load("define void @run(ptr %c, i64 %t, i64 %n) {{ ret void }}", None)
context = aligned(16)
team().run(code.address("run"), context.ctypes.data, 3)
time.sleep({pause})
"""
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "", "")


@pytest.mark.parametrize("threads", [0, MOST + 1])
def test_threads_that_cannot_be(code: Code, threads: int):
    with pytest.raises(ValueError, match=f"{threads} threads"):
        call(code, "present", threads)
