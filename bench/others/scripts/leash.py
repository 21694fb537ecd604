"""Runs a command that must not outlive its owner: `leash.py COMMAND...`.

The command gets a session of its own. When this process's stdin ends, because its owner closed it or is gone, or when
it is told to end, every process of that session is killed. The exit code is the command's.
"""

import contextlib
import os
import signal
import subprocess
import sys
import threading
from types import FrameType


def _end(_signum: int, _frame: FrameType | None) -> None:
    raise SystemExit(1)


def main(command: list[str]) -> int:
    """Run it; its exit code."""
    # Before it starts: an owner that gives up at once must find a process that ends its child.
    signal.signal(signal.SIGTERM, _end)
    signal.signal(signal.SIGINT, _end)
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL, start_new_session=True)
    try:
        threading.Thread(target=_watch, args=(child,), daemon=True).start()
        return child.wait()
    finally:
        _kill(child)
        child.wait()


def _watch(child: subprocess.Popen[bytes]) -> None:
    # Not sys.stdin: the interpreter waits for that file's lock at its end, and this thread is never done reading.
    while os.read(0, 4096):
        pass
    _kill(child)


def _kill(child: subprocess.Popen[bytes]) -> None:
    """The whole session: a tool's own children, too. The id stays its own as long as one of them lives."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(child.pid, signal.SIGKILL)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
