# SPDX-License-Identifier: Apache-2.0
"""Every way of reading, from every place, at every temperature: one table for each figure."""
from cpu import TICKS
from measure import Row, Skipped, turns
from places import CACHED, DISK, WARM
from rows_read import CACHE_ALLOWANCE, DEFAULT_CACHE, SHIPPED, SQUASHFS, SQUASHFUSE, second_pass

RANDOM, SEQUENTIAL, NAMES, TOUCH = "mmap random 4K", "read 1M", "mmap by tensor name", "mmap touch"
PASSTHROUGH_OFF, ONCE = f"{SHIPPED}, passthrough=off", f"{SHIPPED}, verify=once, second pass"
PLAIN = "plain file"
PAGES, TICK_US = 2000, 1e6 / TICKS
WAYS = {
    SEQUENTIAL: ("sequential", 1 << 20),
    "read 128K": ("sequential", 128 << 10),
    TOUCH: ("touch", 0),
    NAMES: ("tensors", 0),
    RANDOM: ("random_pages", PAGES),
    "8 threads pread 16M": ("threads", 16 << 20),
    "O_DIRECT 1M": ("direct", 1 << 20),
}
TITLES = {
    DISK: "Cold, what is stored on the disk",
    CACHED: "Cold, what is stored in the page cache",
    WARM: "Warm, read before",
}
# Of the figures: key -> (what it is called, unit)
FIGURES = {
    "rate": ("", "GB/s"),
    "cpu": (": CPU seconds per GB, of reader, daemon and kernel", "s/GB"),
    "faults": (": major page faults", ""),
}
SHORT = {DISK: "store on disk", CACHED: "store in page cache", WARM: "warm"}


def figures_of(got):
    gb = got["bytes"] / 1e9
    rates = {"rate": gb / got["seconds"], "cpu": got["machine_cpu"] / gb} if "p50" not in got else {}
    return {**rates, "faults": got["major_faults"]}


class Matrix:
    def __init__(self, world):
        self.world = world
        data = world.third
        self.places = {
            SHIPPED: data.bundlefs(),
            ONCE: second_pass(data),
            PASSTHROUGH_OFF: None,
            SQUASHFS: data.kernel_squashfs(),
            world.erofs_name: data.kernel_erofs(),
            SQUASHFUSE: data.squashfuse(),
            "zstd -dc": data.stream(),
            PLAIN: data.plain(),
        }
        if "passthrough" in world.options:
            self.places[PASSTHROUGH_OFF] = data.bundlefs("passthrough=off")
        self.rows = {}
        self.random = Row(
            "matrix-random", f"mmap, {PAGES} random pages of 4 KiB: time of one", "us",
            lower_is_better=True)
        columns = [f"{SHORT[t]}, {p}" for t in TITLES for p in ("p50", "p99")]
        self.random.grid = {"lines": list(self.places), "columns": columns}
        self.random_cpu = Row(
            "matrix-random-cpu",
            f"mmap, {PAGES} random pages of 4 KiB: CPU time of one, of reader, daemon and kernel", "us",
            lower_is_better=True)
        self.random_cpu.grid = {"lines": list(self.places), "columns": list(SHORT.values())}
        self.random_cpu.notes.append(
            f"the kernel counts it in ticks: {TICK_US / PAGES:g} us of an access are one tick")
        self.peaks = Row("matrix-memory", "Peak memory of the daemon in all of these reads", "MiB")

    def row(self, temperature, figure):
        key = temperature, figure
        if key not in self.rows:
            title, unit = FIGURES[figure]
            self.rows[key] = Row(
                f"matrix-{temperature}-{figure}", f"{TITLES[temperature]}{title}", unit,
                lower_is_better=figure != "rate",
            )
            self.rows[key].grid = {"lines": list(self.places), "columns": list(WAYS)}
        return self.rows[key]

    def note(self, temperature, name, reason):
        self.row(temperature, "rate").leave_out(name, reason)

    def take(self, temperature, name, way, got):
        for figure, value in figures_of(got).items():
            self.row(temperature, figure).add(f"{name}: {way}", value)
        if "p50" in got:
            spent = max(got["machine_cpu"], got["reader_cpu"])  # the reader's is counted finer
            self.random_cpu.add(f"{name}: {SHORT[temperature]}", spent * 1e6 / PAGES)
        for percentile in ("p50", "p99"):
            if percentile in got:
                column = f"{SHORT[temperature]}, {percentile}"
                self.random.add(f"{name}: {column}", got[percentile])
        if got["daemon_peak"]:
            self.peaks.add(name, got["daemon_peak"] / (1 << 20))

    @staticmethod
    def one(place, temperature, way):
        with place.fresh(temperature) as path:
            return place.read(path, *WAYS[way])

    def cold(self, temperature):
        """Each cell has a mount of its own."""
        contenders = {}
        for way in WAYS:
            for name, place in self.places.items():
                if place and (name, temperature) != (PLAIN, CACHED):
                    contenders[name, way] = lambda p=place, w=way: self.one(p, temperature, w)
        said = set()

        def left_out(key, reason):
            name, way = key
            note = (name, str(reason))
            if note not in said:
                said.add(note)
                whole = "O_DIRECT" not in str(reason)
                self.note(temperature, name if whole else f"{name}: {way}", reason)

        for (name, way), got in turns(contenders, self.world.repeats, left_out):
            self.take(temperature, name, way, got)

    def all_warm(self, name, place):
        """Every way in one mount; what was read stays in the page cache between them."""
        found = {}
        with place.fresh(WARM) as path:
            for way in WAYS:
                try:
                    found[way] = place.read(path, *WAYS[way])
                except Skipped as reason:
                    self.note(WARM, f"{name}: {way}", reason)
        return found

    def warm(self):
        contenders = {
            name: lambda n=name, p=place: self.all_warm(n, p)
            for name, place in self.places.items()
            if place and name not in (ONCE, "zstd -dc")
        }
        for name, found in turns(
                contenders, self.world.repeats, lambda n, reason: self.note(WARM, n, reason)):
            for way, got in found.items():
                self.take(WARM, name, way, got)

    def compare(self):
        for temperature in (DISK, CACHED):
            rate = self.row(temperature, "rate")
            for way in WAYS:
                rate.compare(f"{SHIPPED}: {way}", f"{SQUASHFS}: {way}")
                rate.compare(f"{SHIPPED}: {way}", f"{self.world.erofs_name}: {way}")
            column = f"{SHORT[temperature]}, p99"
            self.random.compare(
                f"{SHIPPED}: {column}", f"{SQUASHFS}: {column}", at_most=True,
                goal=0.5 if temperature == CACHED else None)
        self.row(CACHED, "rate").compare(f"{SHIPPED}: {NAMES}", f"{SHIPPED}: {TOUCH}")
        self.row(CACHED, "rate").compare(f"{SHIPPED}: {NAMES}", f"{SHIPPED}: {SEQUENTIAL}", goal=0.8)
        for way in (SEQUENTIAL, TOUCH):
            self.row(WARM, "rate").compare(f"{SHIPPED}: {way}", f"{PLAIN}: {way}", goal=0.95)

    def finished(self):
        for temperature, row in ((t, self.row(t, "rate")) for t in TITLES):
            if not self.places[PASSTHROUGH_OFF]:
                row.leave_out(
                    f"{SHIPPED}, passthrough", "this program has no option passthrough=")
            if not self.places[ONCE]:
                row.leave_out(ONCE, "this program has no option verify=")
            if temperature == CACHED:
                row.notes.append(f"{PLAIN}: its content is what is stored; see warm")
        self.compare()
        for name in self.peaks.values:
            if name.startswith(SHIPPED):
                self.peaks.limits[name] = DEFAULT_CACHE + CACHE_ALLOWANCE
                self.peaks.values[name] = [max(self.peaks.values[name])]
        tables = [self.rows[t, f] for f in FIGURES for t in TITLES if (t, f) in self.rows]
        return [row for row in (*tables, self.random, self.random_cpu, self.peaks) if row.values]


def matrix(world):
    table = Matrix(world)
    table.cold(DISK)
    table.cold(CACHED)
    table.warm()
    return table.finished()
