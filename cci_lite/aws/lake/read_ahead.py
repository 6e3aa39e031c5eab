"""Reads objects ahead of whoever goes through them: an answer takes longer than using it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager

from cci_lite.contract.limits import MAX_DOCUMENT_BYTES
from cci_lite.ports import StoredObject

# One object is as many milliseconds away as there are threads to wait for it.
THREADS = 32
BYTES_AHEAD = 8 * 1024 * 1024


@contextmanager
def reading_ahead(
    objects: Sequence[StoredObject], read: Callable[[str], bytes]
) -> Iterator[Callable[[str], bytes]]:
    """`read`, of which the answers for `objects` are there already when their turn comes.

    At most BYTES_AHEAD of them are held, or one that is larger.
    """
    with ThreadPoolExecutor(THREADS) as pool:
        ahead = _Ahead(objects, read, pool)
        try:
            yield ahead.read
        finally:
            pool.shutdown(cancel_futures=True)


class _Ahead:
    """What has been asked for and not been taken yet, in order."""

    def __init__(
        self,
        objects: Sequence[StoredObject],
        read: Callable[[str], bytes],
        pool: ThreadPoolExecutor,
    ) -> None:
        # Of anything else nobody looks at the content.
        self._coming = deque(
            each for each in objects if not each.stray and each.size <= MAX_DOCUMENT_BYTES
        )
        self._expected = {each.key for each in self._coming}
        self._waiting: deque[tuple[StoredObject, Future[bytes]]] = deque()
        self._bytes = 0
        self._read = read
        self._pool = pool

    def read(self, key: str) -> bytes:
        """The object; those in front of it are taken to be passed over."""
        if key not in self._expected:
            return self._read(key)
        while True:
            self._ask()
            found, future = self._waiting.popleft()
            self._expected.remove(found.key)
            self._bytes -= found.size
            if found.key == key:
                self._ask()
                return future.result()
            future.cancel()

    def _ask(self) -> None:
        while self._coming and (
            not self._waiting or self._bytes + self._coming[0].size <= BYTES_AHEAD
        ):
            found = self._coming.popleft()
            self._bytes += found.size
            self._waiting.append((found, self._pool.submit(self._read, found.key)))
