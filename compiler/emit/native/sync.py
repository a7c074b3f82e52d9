"""How the threads that run a step wait for one another, as text in LLVM's intermediate representation.

Nothing here blocks but a worker that has had nothing to do for a while: to be woken by the operating system
takes longer than a small network's whole step.
"""

from __future__ import annotations

from .isa import Isa

# Of a context, which the program defines otherwise, the threads have the first two cache lines.
CONTEXT_WORDS = 16

# A worker's mailbox, in 64-bit words. The caller and the worker write to the first cache line in turn.
MAILBOX_WORDS = 32
_FIELDS = {
    "posted": 0,
    "done": 1,
    "function": 2,
    "context": 3,
    "threads": 4,
    "parked": 5,
    "taken": 6,
    "mutex": 8,
    "bell": 16,
}

# Some 2 µs of looking, and then others may have the core: when two of the threads share one, because other
# processes keep the rest busy, each barrier costs that much, and on an idle core yielding takes half a µs.
_LOOKS_BEFORE_YIELDING = 100

_PAUSE = "call void @llvm.x86.sse2.pause()"
_HINT = {
    "avx512": _PAUSE,
    "avx2": _PAUSE,
    "sse": _PAUSE,
    "neon": "call void @llvm.aarch64.isb(i32 15)",
    "scalar": "",
}

# Numbers too small to have all their digits count as 0 while a function runs: with them, an instruction takes
# up to a hundred times as long, and the momentum of a weight that nothing moves any more is such a number.
_FLUSH_X86 = (
    """\
  %modes = alloca i32
  %modes.new = alloca i32
  call void @llvm.x86.sse.stmxcsr(ptr %modes)
  %modes.old = load i32, ptr %modes
  %modes.flush = or i32 %modes.old, 32832 ; flush to zero, denormals are zero
  store i32 %modes.flush, ptr %modes.new
  call void @llvm.x86.sse.ldmxcsr(ptr %modes.new)""",
    "  call void @llvm.x86.sse.ldmxcsr(ptr %modes)",
)
_FLUSH_ARM = (
    """\
  %modes.old = call i64 @llvm.aarch64.get.fpcr()
  %modes.flush = or i64 %modes.old, 16777216 ; FZ
  call void @llvm.aarch64.set.fpcr(i64 %modes.flush)""",
    "  call void @llvm.aarch64.set.fpcr(i64 %modes.old)",
)
_FLUSH = {
    "avx512": _FLUSH_X86,
    "avx2": _FLUSH_X86,
    "sse": _FLUSH_X86,
    "neon": _FLUSH_ARM,
    "scalar": ("", ""),
}


def barrier(isa: Isa) -> str:
    """`@barrier(ptr context, i64 threads)`: none of the threads leaves before all have come.

    What they have written before is visible to all after it. The first word of the context counts who came;
    it is 0 before the threads start.
    """
    return f"""\
{_waiting(isa)}
define internal void @barrier(ptr %context, i64 %threads) noinline {{
entry:
  %alone = icmp eq i64 %threads, 1
  br i1 %alone, label %met, label %come
come:
  %before = atomicrmw add ptr %context, i64 1 acq_rel
  %round = udiv i64 %before, %threads
  %next = add i64 %round, 1
  %all = mul i64 %next, %threads
  call void @await(ptr %context, i64 %all)
  br label %met
met:
  ret void
}}
"""


def team(isa: Isa) -> str:
    """What runs a function on several threads.

    The function takes (ptr context, i64 thread, i64 threads).

        @start(ptr mailboxes, i64 count)              comes first
        @work(ptr mailboxes, i64 thread, i64 looks)   the life of a thread other than 0, which sleeps after so
                                                      many looks for work; returns at once if there is one
        @look(i64 looks)                              takes about as long as these
        @run(ptr mailboxes, ptr function, ptr context, i64 threads)
                                                      of the caller, thread 0; returns when all have done
        @stop(ptr mailboxes, i64 thread)              lets a thread's @work return
    """
    flush, restore = _FLUSH[isa.name]
    return f"""\
{_waiting(isa)}
declare void @llvm.x86.sse.stmxcsr(ptr)
declare void @llvm.x86.sse.ldmxcsr(ptr)
declare i64 @llvm.aarch64.get.fpcr()
declare void @llvm.aarch64.set.fpcr(i64)
declare i32 @pthread_mutex_init(ptr, ptr)
declare i32 @pthread_mutex_lock(ptr)
declare i32 @pthread_mutex_unlock(ptr)
declare i32 @pthread_cond_init(ptr, ptr)
declare i32 @pthread_cond_wait(ptr, ptr)
declare i32 @pthread_cond_signal(ptr)

define void @start(ptr %mailboxes, i64 %count) {{
entry:
  br label %each
each:
  %thread = phi i64 [0, %entry], [%next, %each]
{_mailbox("%thread", "mutex", "bell")}
  call i32 @pthread_mutex_init(ptr %mutex, ptr null)
  call i32 @pthread_cond_init(ptr %bell, ptr null)
  %next = add i64 %thread, 1
  %more = icmp ult i64 %next, %count
  br i1 %more, label %each, label %end
end:
  ret void
}}

define void @look(i64 %looks) {{
entry:
  br label %again
again:
  %i = phi i64 [0, %entry], [%next, %again]
  {_HINT[isa.name]}
  %next = add i64 %i, 1
  %more = icmp ult i64 %next, %looks
  br i1 %more, label %again, label %end
end:
  ret void
}}

define void @work(ptr %mailboxes, i64 %thread, i64 %patience) {{
entry:
{flush}
{_mailbox("%thread", *_FIELDS)}
  %others = atomicrmw xchg ptr %taken, i64 1 acquire
  %free = icmp eq i64 %others, 0
  br i1 %free, label %idle, label %end
idle:
  %last = load atomic i64, ptr %done monotonic, align 8
  br label %look
look:
  %looks = phi i64 [0, %idle], [%looked, %again]
  %number = load atomic i64, ptr %posted acquire, align 8
  %same = icmp eq i64 %number, %last
  br i1 %same, label %again, label %go
again:
  {_HINT[isa.name]}
  %looked = add i64 %looks, 1
  %patient = icmp ult i64 %looked, %patience
  br i1 %patient, label %look, label %park
park:
  call i32 @pthread_mutex_lock(ptr %mutex)
  ; Either this thread sees what the caller has posted, or the caller sees that this thread is parked.
  store atomic i64 1, ptr %parked seq_cst, align 8
  br label %sleep
sleep:
  %late = load atomic i64, ptr %posted seq_cst, align 8
  %nothing = icmp eq i64 %late, %last
  br i1 %nothing, label %rest, label %wake
rest:
  call i32 @pthread_cond_wait(ptr %bell, ptr %mutex)
  br label %sleep
wake:
  store atomic i64 0, ptr %parked monotonic, align 8
  call i32 @pthread_mutex_unlock(ptr %mutex)
  br label %go
go:
  %call = load atomic i64, ptr %posted acquire, align 8
  %f = load ptr, ptr %function, align 8
  %stop = icmp eq ptr %f, null
  br i1 %stop, label %leave, label %run
run:
  %c = load ptr, ptr %context, align 8
  %n = load i64, ptr %threads, align 8
  call void %f(ptr %c, i64 %thread, i64 %n)
  store atomic i64 %call, ptr %done release, align 8
  br label %idle
leave:
  store atomic i64 %call, ptr %done monotonic, align 8
  store atomic i64 0, ptr %taken release, align 8
  br label %end
end:
  ret void
}}

define internal void @post(ptr %mailboxes, i64 %thread, ptr %f, ptr %c, i64 %n) {{
{_mailbox("%thread", *_FIELDS)}
  store ptr %f, ptr %function, align 8
  store ptr %c, ptr %context, align 8
  store i64 %n, ptr %threads, align 8
  %last = load i64, ptr %posted, align 8
  %number = add i64 %last, 1
  store atomic i64 %number, ptr %posted seq_cst, align 8
  %sleeps = load atomic i64, ptr %parked seq_cst, align 8
  %awake = icmp eq i64 %sleeps, 0
  br i1 %awake, label %end, label %ring
ring:
  call i32 @pthread_mutex_lock(ptr %mutex)
  call i32 @pthread_cond_signal(ptr %bell)
  call i32 @pthread_mutex_unlock(ptr %mutex)
  br label %end
end:
  ret void
}}

define void @stop(ptr %mailboxes, i64 %thread) {{
  call void @post(ptr %mailboxes, i64 %thread, ptr null, ptr null, i64 0)
  ret void
}}

define void @run(ptr %mailboxes, ptr %f, ptr %c, i64 %n) {{
entry:
{flush}
  store i64 0, ptr %c, align 8
  %alone = icmp eq i64 %n, 1
  br i1 %alone, label %own, label %each
each:
  %thread = phi i64 [1, %entry], [%next, %each]
  call void @post(ptr %mailboxes, i64 %thread, ptr %f, ptr %c, i64 %n)
  %next = add i64 %thread, 1
  %more = icmp ult i64 %next, %n
  br i1 %more, label %each, label %own
own:
  call void %f(ptr %c, i64 0, i64 %n)
  br i1 %alone, label %end, label %join
join:
  %other = phi i64 [1, %own], [%following, %join]
{_mailbox("%other", "posted", "done")}
  %number = load i64, ptr %posted, align 8
  call void @await(ptr %done, i64 %number)
  %following = add i64 %other, 1
  %rest = icmp ult i64 %following, %n
  br i1 %rest, label %join, label %end
end:
{restore}
  ret void
}}
"""


def _waiting(isa: Isa) -> str:
    """`@await(ptr word, i64 value)`: until the word, which only grows, has that value."""
    return f"""\
declare i32 @sched_yield()
declare void @llvm.x86.sse2.pause()
declare void @llvm.aarch64.isb(i32)
define internal void @await(ptr %word, i64 %value) {{
entry:
  br label %look
look:
  %looks = phi i64 [0, %entry], [%looked, %again], [%looked, %yield]
  %now = load atomic i64, ptr %word acquire, align 8
  %there = icmp uge i64 %now, %value
  br i1 %there, label %end, label %again
again:
  {_HINT[isa.name]}
  %looked = add i64 %looks, 1
  %patient = icmp ult i64 %looked, {_LOOKS_BEFORE_YIELDING}
  br i1 %patient, label %look, label %yield
yield:
  call i32 @sched_yield()
  br label %look
end:
  ret void
}}
"""


def _mailbox(thread: str, *fields: str) -> str:
    """The addresses of some fields of a thread's mailbox, under their names."""
    name = thread.removeprefix("%")
    lines = [f"  %{name}.at = mul i64 {thread}, {MAILBOX_WORDS}"]
    for field in fields:
        lines.append(f"  %{field}.at = add i64 %{name}.at, {_FIELDS[field]}")
        lines.append(f"  %{field} = getelementptr i64, ptr %mailboxes, i64 %{field}.at")
    return "\n".join(lines)
