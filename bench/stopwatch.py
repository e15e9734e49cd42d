"""Runs one command and prints its time and memory: `stopwatch.py STDOUT STDERR PROGRAM [ARGUMENT]…`.

It is a separate program with few imports, because the kernel counts the memory of the starting process in the peak of the started one.
"""

import os
import sys
import time


def main() -> None:
    """Print wall seconds, CPU seconds, peak memory in bytes, and the exit status."""
    stdout, stderr, *command = sys.argv[1:]
    writing = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
    streams = [
        (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
        (os.POSIX_SPAWN_OPEN, 1, stdout, writing, 0o600),
        (os.POSIX_SPAWN_OPEN, 2, stderr, writing, 0o600),
    ]
    start = time.perf_counter()
    child = os.posix_spawnp(command[0], command, os.environ, file_actions=streams)
    _pid, status, usage = os.wait4(child, 0)
    wall = time.perf_counter() - start
    memory = usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    print(wall, usage.ru_utime + usage.ru_stime, memory, os.waitstatus_to_exitcode(status))


if __name__ == "__main__":
    main()
