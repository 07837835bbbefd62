#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Checks that need code rather than shell: exact errno values, ways of reading, trees, metrics.

checks.py SUBCOMMAND ARGUMENT...: silent and 0 when the check holds, one line and 1 when it does not.
Every public function of the modules below is a subcommand; its parameters are the arguments. Add one
rather than approximating a check in shell.
"""
import inspect
import sys

from support import attributes, gguf, load, mounts, openmetrics, reading, trees, writing
from support.common import Failed

MODULES = [attributes, gguf, load, mounts, openmetrics, reading, trees, writing]


def commands():
    """name -> function, for each function that a module defines itself."""
    return {
        name.replace("_", "-"): function
        for module in MODULES
        for name, function in vars(module).items()
        if inspect.isfunction(function) and function.__module__ == module.__name__ and name[0] != "_"
    }


def main():
    table = commands()
    name, args = (sys.argv + [""])[1], sys.argv[2:]
    if name not in table:
        sys.exit("checks.py: subcommands: " + " ".join(table))
    try:
        inspect.signature(table[name]).bind(*args)
    except TypeError as error:
        sys.exit(f"checks.py {name}: {error}")
    try:
        table[name](*args)
    except (Failed, OSError) as error:
        sys.exit(f"checks.py {name}: {error}")


if __name__ == "__main__":
    main()
