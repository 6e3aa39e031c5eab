"""What worker processes do: take in work, do one piece after the other, send the results back.

`serve` is the whole program of such a process; `local/processes.py` starts it. It ends when its
work can no longer be wanted: when the other end of its pipe is closed, which the system does when
the process that started it ends, however it ends.
"""

from __future__ import annotations

import gc
import importlib
import os
import pickle
import queue
import signal
import threading
from collections.abc import Sequence
from multiprocessing.connection import Connection

from cci_lite.errors import LakeError
from cci_lite.local.unneeded import keep_out_unneeded


def serve(module: str, ends: Sequence[tuple[int, int]]) -> None:
    """Work for each of these pairs of pipe ends (work comes in, results go out), in a process each.

    The processes are forked from this one after it has imported `module`, whose functions are
    going to be called: that is done, and held in memory, once. It has a single thread then, and
    neither files nor connections that a copy could damage.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the process that started us
    keep_out_unneeded()
    importlib.import_module(module)
    gc.freeze()  # collecting would write to pages that are shared, which copies them
    mine, children = 0, []
    for number in range(1, len(ends)):
        if child := os.fork():
            children.append(child)
        else:
            mine, children = number, []
            break
    for number, pair in enumerate(ends):
        if number != mine:
            for end in pair:
                os.close(end)
    items, results = ends[mine]
    _work(Connection(items, writable=False), Connection(results, readable=False), children)


def _work(items: Connection, results: Connection, children: Sequence[int]) -> None:
    inbox = queue.SimpleQueue[bytes]()
    threading.Thread(target=_receive, args=(items, inbox, children), daemon=True).start()
    try:
        results.send_bytes(b"ready")
        while True:
            results.send_bytes(answer(inbox.get()))
    except OSError:  # nobody wants it any more
        os._exit(1)


def answer(work: bytes) -> bytes:
    """A pickled pair: what a pickled function and arguments give, or the error that they raise."""
    try:
        function, arguments = pickle.loads(work)
        return pickle.dumps((function(*arguments), None))
    except Exception as problem:  # the caller is told
        try:
            told = pickle.dumps((None, problem))
            pickle.loads(told)
        except Exception:  # it holds something that only this process has
            kind = type(problem).__name__
            told = pickle.dumps((None, LakeError(f"a worker process met {kind}; run again")))
        return told


def _receive(items: Connection, inbox: queue.SimpleQueue[bytes], children: Sequence[int]) -> None:
    """Take work in while other work is being done; end this process when no more can come.

    At once, in the middle of a piece: what it would still write is deleted by the next run.
    """
    try:
        while True:
            inbox.put(items.recv_bytes())
    except (EOFError, OSError):
        for child in children:  # they end for the same reason
            os.waitpid(child, 0)
        os._exit(1)
