#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""Checks that need code rather than shell: exact errno values, ways of reading, trees, metrics.

checks.py SUBCOMMAND ARGUMENT...: silent and 0 when the check holds, one line and 1 when it does not.
Every subcommand is a function below; its parameters are the arguments. Add one rather than
approximating a check in shell.
"""
import ctypes
import errno
import inspect
import mmap
import os
import random
import re
import stat
import sys
import threading
import time

PAGE = 4096
GENERATED = {"manifest.json", "contract.json", "SHA256SUMS", "signatures", "views"}


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


# Errno, exactly.


def raw_mount_write_calls(directory, file, link):
    """Every way of writing: (what, call). `directory`, `file` and `link` exist on the mount."""
    new = os.path.join(directory, "new-name")

    def opened(flags):
        return lambda: os.close(os.open(file, flags))

    def fchmod():
        handle = os.open(file, os.O_RDONLY)
        try:
            os.fchmod(handle, 0o600)
        finally:
            os.close(handle)

    return [
        ("open O_WRONLY", opened(os.O_WRONLY)),
        ("open O_RDWR", opened(os.O_RDWR)),
        ("open O_TRUNC", opened(os.O_WRONLY | os.O_TRUNC)),
        ("open O_APPEND", opened(os.O_WRONLY | os.O_APPEND)),
        ("open O_CREAT", lambda: os.close(os.open(new, os.O_CREAT | os.O_WRONLY, 0o644))),
        ("mkdir", lambda: os.mkdir(new)),
        ("mknod", lambda: os.mknod(new, stat.S_IFREG | 0o644)),
        ("mkfifo", lambda: os.mkfifo(new)),
        ("symlink", lambda: os.symlink("target", new)),
        ("link", lambda: os.link(file, new)),
        ("unlink", lambda: os.unlink(file)),
        ("unlink a link", lambda: os.unlink(link)),
        ("rmdir", lambda: os.rmdir(directory)),
        ("rename", lambda: os.rename(file, new)),
        ("truncate", lambda: os.truncate(file, 0)),
        ("chmod", lambda: os.chmod(file, 0o600)),
        ("fchmod", fchmod),
        ("chown", lambda: os.chown(file, 0, 0)),
        ("lchown", lambda: os.lchown(link, 0, 0)),
        ("utimes", lambda: os.utime(file, (1, 1))),
        ("setxattr", lambda: os.setxattr(file, "user.new", b"value")),
        ("removexattr", lambda: os.removexattr(file, "user.bundlefs.digest")),
        ("setxattr of a directory", lambda: os.setxattr(directory, "user.new", b"value")),
    ]


def writes_refused(directory, file, link):
    """Each writing call gives EROFS and nothing else."""
    wrong = []
    for what, call in raw_mount_write_calls(directory, file, link):
        try:
            call()
            wrong.append(f"{what}: succeeded")
        except OSError as error:
            if error.errno != errno.EROFS:
                wrong.append(f"{what}: {errno.errorcode[error.errno]}")
    require(not wrong, "not EROFS: " + "; ".join(wrong))


def expect(name, call, *args):
    """expect ERRNO CALL PATH...: one call that must fail so."""
    calls = {
        "open": lambda path: os.close(os.open(path, os.O_RDONLY)),
        "stat": os.stat,
        "listdir": os.listdir,
        "readlink": os.readlink,
        "read": content,
        "getxattr": os.getxattr,
    }
    try:
        calls[call](*args)
    except OSError as error:
        require(
            error.errno == getattr(errno, name),
            f"{call} {args[0]}: {errno.errorcode[error.errno]} instead of {name}",
        )
        return
    raise Failed(f"{call} {args[0]}: succeeded instead of {name}")


# Ways of reading; each must give the source's bytes.


def sequential(source, mounted, size="131072"):
    """read(2) of `size` bytes; never short before the end."""
    want, at = content(source), 0
    with open(mounted, "rb", buffering=0) as file:
        while True:
            got = file.read(int(size))
            require(got == want[at : at + int(size)], f"wrong or short bytes at {at}")
            at += len(got)
            if not got:
                break
    require(at == len(want), f"{at} bytes instead of {len(want)}")


def random_reads(source, mounted, count, seed="1", threads="4"):
    """`count` preads at random places and lengths, past the end too, by several threads on one
    descriptor."""
    want = content(source)
    handle = os.open(mounted, os.O_RDONLY)

    def work(index):
        rng = random.Random(f"{seed}-{index}")
        for _ in range(int(count) // int(threads)):
            length = rng.choice((1, 511, PAGE, 65536, 1 << 20, rng.randrange(1, 300000)))
            at = rng.randrange(0, len(want) + PAGE)
            if rng.random() < 0.3:
                at = at // PAGE * PAGE
            got = os.pread(handle, length, at)
            require(got == want[at : at + length], f"pread({length}, {at}) differs")

    in_threads(int(threads), work)
    os.close(handle)


def preadv(source, mounted):
    """Vectored reads with odd lengths."""
    want = content(source)
    handle = os.open(mounted, os.O_RDONLY)
    for at in (0, 1, 4095, 262143, max(0, len(want) - 10000)):
        parts = [bytearray(size) for size in (1, 4095, 65537, 3, 1 << 20)]
        got = os.preadv(handle, parts, at)
        whole = b"".join(parts)
        require(got == min(len(whole), max(0, len(want) - at)), f"preadv at {at}: short, {got}")
        require(whole[:got] == want[at : at + got], f"preadv at {at} differs")
    os.close(handle)


def direct(source, mounted):
    """O_DIRECT with buffers, offsets and lengths aligned to 4096, tail included."""
    want = content(source)
    require(os.stat(mounted).st_blksize == PAGE, "st_blksize is not 4096")
    handle = os.open(mounted, os.O_RDONLY | os.O_DIRECT)
    size = 1 << 20
    buffer = mmap.mmap(-1, size)  # page-aligned
    for at in list(range(0, len(want), size)) + [len(want) // PAGE * PAGE, PAGE, 3 * PAGE]:
        got = os.preadv(handle, [buffer], at)
        require(got == max(0, min(size, len(want) - at)), f"O_DIRECT at {at}: short, {got}")
        require(buffer[:got] == want[at : at + got], f"O_DIRECT at {at} differs")
    os.close(handle)


def sendfile(source, mounted, target):
    """sendfile(2) into a regular file."""
    size = os.stat(source).st_size
    handle = os.open(mounted, os.O_RDONLY)
    out = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    sent = 0
    while sent < size:
        step = os.sendfile(out, handle, sent, size - sent)
        require(step > 0, f"sendfile stops at {sent}")
        sent += step
    require(os.sendfile(out, handle, size, 1) == 0, "sendfile goes past the end")
    os.close(out)
    os.close(handle)
    require(content(target) == content(source), "sendfile gives other bytes")


def mmap_random(source, mounted, threads, count):
    """Random page faults of one shared mapping by many threads."""
    want = content(source)
    with open(mounted, "rb") as file, mmap.mmap(file.fileno(), 0, prot=mmap.PROT_READ) as view:
        require(len(view) == len(want), "the mapping has another size")

        def work(index):
            rng = random.Random(index)
            for _ in range(int(count) // int(threads)):
                at = rng.randrange(len(want))
                length = rng.randrange(1, 3 * PAGE)
                require(view[at : at + length] == want[at : at + length], f"page at {at} differs")

        in_threads(int(threads), work)
        require(view[:] == want, "the whole mapping differs")


def parallel_readers(mounted, source, readers, size="131072"):
    """Several readers, each with a descriptor of its own, read the whole file at once."""
    length = os.stat(source).st_size
    kept = mmap.mmap(os.open(source, os.O_RDONLY), length, prot=mmap.PROT_READ)
    step = int(size)

    def work(_):
        handle = os.open(mounted, os.O_RDONLY)
        for at in range(0, length, step):
            got = os.pread(handle, step, at)
            require(got == kept[at : at + step], f"bytes at {at} differ")
        os.close(handle)

    in_threads(int(readers), work)


def never_wrong(source, mounted, size="65536"):
    """Reads all of a damaged file; prints how many reads failed with EIO. Any other outcome than
    EIO or the right bytes is a failure."""
    want, refused = content(source), 0
    try:
        handle = os.open(mounted, os.O_RDONLY)
    except OSError as error:
        require(error.errno == errno.EIO, f"open: {errno.errorcode[error.errno]}")
        print(-(-len(want) // int(size)))
        return
    for at in range(0, len(want), int(size)):
        try:
            got = os.pread(handle, int(size), at)
        except OSError as error:
            require(error.errno == errno.EIO, f"read: {errno.errorcode[error.errno]}")
            refused += 1
            continue
        require(got == want[at : at + int(size)], f"WRONG BYTES at {at}")
    os.close(handle)
    print(refused)


# Trees.


def entries(root):
    """path -> lstat of everything below root, byte paths."""
    found = {}
    for where, folders, files in os.walk(os.fsencode(root)):
        for name in folders + files:
            path = os.path.join(where, name)
            found[os.path.relpath(path, os.fsencode(root))] = os.lstat(path)
    return found


def same_tree(source, other, how="exact"):
    """Same names, types, bytes and links. 'exact': modes and times too, nothing more; 'mount':
    the files that a mount adds are ignored, and only the execute bits and seconds are compared."""
    want, got = entries(source), entries(other)
    if how == "mount":
        brought = {path.split(b"/")[0] for path in want}
        extra = {name.encode() for name in GENERATED} - brought
        got = {path: state for path, state in got.items() if path.split(b"/")[0] not in extra}
    require(want.keys() == got.keys(), f"names differ: {sorted(want.keys() ^ got.keys())[:5]}")
    for path, a in want.items():
        b, left, right = got[path], os.path.join(os.fsencode(source), path), None
        right = os.path.join(os.fsencode(other), path)
        require(stat.S_IFMT(a.st_mode) == stat.S_IFMT(b.st_mode), f"{path}: another type")
        if stat.S_ISLNK(a.st_mode):
            require(os.readlink(left) == os.readlink(right), f"{path}: another target")
            continue
        if stat.S_ISREG(a.st_mode):
            require(a.st_size == b.st_size, f"{path}: {b.st_size} bytes instead of {a.st_size}")
            require(content(left) == content(right), f"{path}: other bytes")
        mask = 0o7777 if how == "exact" else 0o111
        require((a.st_mode ^ b.st_mode) & mask == 0, f"{path}: mode {b.st_mode:o} not {a.st_mode:o}")
        scale = 1 if how == "exact" else 10**9
        require(
            a.st_mtime_ns // scale == b.st_mtime_ns // scale,
            f"{path}: time {b.st_mtime_ns} not {a.st_mtime_ns}",
        )


def disk_usage(path):
    """Prints the bytes of all regular files below path, a hard link counted once."""
    seen = {}
    for state in entries(path).values():
        if stat.S_ISREG(state.st_mode):
            seen[state.st_ino] = state.st_size
    print(sum(seen.values()))


# Mounts and daemons.


def mount_types(path):
    found = []
    with open("/proc/self/mountinfo", encoding="utf-8") as file:
        for line in file:
            fields = line.split()
            if fields[4].encode().decode("unicode_escape") == os.path.abspath(path):
                found.append(fields[fields.index("-") + 1])
    return found


def is_mounted(path):
    require(mount_types(path), f"{path} is not mounted")


def wait_mounted(path, seconds):
    """Waits until something is mounted at path."""
    deadline = time.monotonic() + float(seconds)
    while not mount_types(path):
        require(time.monotonic() < deadline, f"{path} is not mounted after {seconds} s")
        time.sleep(0.02)


def mount_type(path):
    """Prints the type of the file system on top at path."""
    require(mount_types(path), f"{path} is not mounted")
    print(mount_types(path)[-1])


def daemon_pid(mountpoint):
    """Prints the process that serves mountpoint."""
    found = []
    for entry in filter(str.isdigit, os.listdir("/proc")):
        try:
            words = content(f"/proc/{entry}/cmdline").split(b"\0")
        except OSError:
            continue
        if os.path.basename(words[0]) == b"bundlefs" and mountpoint.encode() in words[1:]:
            found.append(entry)
    require(len(found) == 1, f"{len(found)} processes serve {mountpoint}")
    print(found[0])


def rss(pid, limit):
    """The most memory that the process ever had is at most `limit` bytes."""
    with open(f"/proc/{pid}/status", encoding="utf-8") as file:
        peak = int(re.search(r"VmHWM:\s+(\d+) kB", file.read())[1]) * 1024
    require(peak <= int(limit), f"peak RSS {peak >> 20} MiB is above {int(limit) >> 20} MiB")


def statfs(mountpoint, logical, stored):
    """Logical size in f_blocks, within a block per file; something is really stored."""
    state = os.statvfs(mountpoint)
    require(state.f_blocks * state.f_frsize >= int(logical), "f_blocks is below the logical size")
    require(state.f_bsize == PAGE, f"f_bsize is {state.f_bsize}")
    require(state.f_bfree * state.f_frsize <= max(0, state.f_blocks * state.f_frsize - int(stored)),
            "f_bfree does not leave room for what is stored")
    require(state.f_bavail == 0, "a read-only file system has space available")
    require(state.f_flag & os.ST_RDONLY, "not flagged read-only")


# OpenMetrics.

SUFFIXES = {
    "counter": ("_total", "_created"),
    "gauge": ("",),
    "info": ("_info",),
    "histogram": ("_bucket", "_count", "_sum", "_created"),
    "summary": ("", "_count", "_sum", "_created"),
    "unknown": ("",),
    "stateset": ("",),
}
SAMPLE = re.compile(
    r'([a-zA-Z_:][a-zA-Z0-9_:]*)(\{(?:[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\[\\"n])*",?)*\})? (\S+)$'
)


def read_metrics(path):
    """Parses and validates; (name, labels) -> value."""
    text = content(path).decode()
    require(text.endswith("# EOF\n"), "metrics do not end with # EOF")
    types, values, family, closed = {}, {}, None, set()
    for line in text.splitlines()[:-1]:
        if line.startswith("#"):
            match = re.match(r"# (HELP|TYPE|UNIT) ([a-zA-Z_:][a-zA-Z0-9_:]*) (.*)$", line)
            require(match, f"bad metadata line: {line}")
            if match[2] != family:
                require(match[2] not in closed, f"family {match[2]} is interleaved")
                closed.add(family)
                family = match[2]
            if match[1] == "TYPE":
                require(family not in types and match[3] in SUFFIXES, f"bad type: {line}")
                types[family] = match[3]
            if match[1] == "UNIT":
                require(family.endswith("_" + match[3]), f"the unit is not in the name: {line}")
            continue
        match = SAMPLE.match(line)
        require(match, f"bad sample: {line}")
        allowed = [family + suffix for suffix in SUFFIXES[types.get(family, "unknown")]]
        require(match[1] in allowed, f"sample outside its family {family}: {line}")
        key = (match[1], match[2] or "")
        require(key not in values, f"sample given twice: {line}")
        values[key] = float(match[3])
        if match[1].endswith("_total"):
            require(values[key] >= 0, f"a negative counter: {line}")
    require(values, "no samples")
    return values


def metrics(path):
    """The file is well-formed OpenMetrics text."""
    read_metrics(path)


def metric(path, name):
    """Prints the sum of one metric over its labels."""
    found = [value for (key, _), value in read_metrics(path).items() if key == name]
    require(found, f"no metric {name}")
    print(int(sum(found)))


def counters_grow(before, after):
    """No counter went back, and at least one moved."""
    old, new = read_metrics(before), read_metrics(after)
    shared = [key for key in old if key[0].endswith("_total") and key in new]
    back = [key for key in shared if new[key] < old[key]]
    require(not back, f"counters went back: {back}")
    require(any(new[key] > old[key] for key in shared), "no counter moved")


# Extended attributes.


def xattrs(file, *wanted):
    """NAME=VALUE pairs: present, listed, and equal; NAME alone: present and listed; NAME~REGEX."""
    listed = os.listxattr(file)
    for item in wanted:
        name, relation, value = re.match(r"([^=~]+)([=~]?)(.*)$", item).groups()
        require(name in listed, f"{name} is not listed: {listed}")
        got = os.getxattr(file, name).decode()
        if relation:
            same = got == value if relation == "=" else re.fullmatch(value, got)
            require(same, f"{name} is {got!r}, not {value!r}")


def xattr_sizes(file, name):
    """getxattr and listxattr follow the kernel's size protocol: 0 asks, too small is ERANGE."""
    libc = ctypes.CDLL(None, use_errno=True)
    path, key = os.fsencode(file), name.encode()
    size = libc.getxattr(path, key, None, 0)
    require(size == len(os.getxattr(file, name)), "a size query gives another size")
    small = ctypes.create_string_buffer(1)
    require(libc.getxattr(path, key, small, 1) == -1, "a short buffer was accepted")
    require(ctypes.get_errno() == errno.ERANGE, "a short buffer is not ERANGE")
    require(libc.listxattr(path, small, 1) == -1, "a short list buffer was accepted")
    require(ctypes.get_errno() == errno.ERANGE, "a short list buffer is not ERANGE")


def json_value(path, expression, wanted=None):
    """Evaluates `expression` on the parsed file (as `it`); prints it, or compares with `wanted`."""
    import json

    with open(path, encoding="utf-8") as file:
        it = json.load(file)
    got = eval(expression, {"it": it, "len": len, "sorted": sorted, "str": str, "any": any})  # ours
    if wanted is None:
        print(got)
    else:
        require(str(got) == wanted, f"{expression} is {got!r}, not {wanted!r}")


COMMANDS = [
    writes_refused, expect, sequential, random_reads, preadv, direct, sendfile, mmap_random,
    parallel_readers, never_wrong, same_tree, disk_usage, is_mounted, wait_mounted, mount_type, daemon_pid, rss,
    statfs, metrics, metric, counters_grow, xattrs, xattr_sizes, json_value,
]


def main():
    table = {function.__name__.replace("_", "-"): function for function in COMMANDS}
    name, args = (sys.argv + [""])[1], sys.argv[2:]
    if name not in table:
        sys.exit("checks.py: subcommands: " + " ".join(table))
    try:
        inspect.signature(table[name]).bind(*args)
    except TypeError as error:
        sys.exit(f"checks.py {name}: {error}")
    try:
        table[name](*args)
    except Failed as error:
        sys.exit(f"checks.py {name}: {error}")
    except OSError as error:
        sys.exit(f"checks.py {name}: {error}")


if __name__ == "__main__":
    main()
