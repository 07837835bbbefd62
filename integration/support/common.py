# SPDX-License-Identifier: Apache-2.0
"""What all checks share."""
import threading

PAGE = 4096


class Failed(Exception):
    """The check does not hold."""


def require(condition, message):
    if not condition:
        raise Failed(message)


def in_threads(count, work):
    """Runs work(index) in `count` threads at once; raises the first failure."""
    failures, gate = [], threading.Barrier(count)

    def body(index):
        try:
            gate.wait()
            work(index)
        except Exception as error:  # handed to the caller's thread
            failures.append(error)

    threads = [threading.Thread(target=body, args=(index,)) for index in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]


def content(path):
    with open(path, "rb") as file:
        return file.read()
