# SPDX-License-Identifier: Apache-2.0
"""What the rows share: the program, the data, and what is made of it, each made once."""
import functools
import json
import os
import re
import shutil

import erofs
from dataset import Dataset
from places import HERE, NAME, VERSION, Place
from system import run, settle

FILE, GGUF = "model.safetensors", "model.gguf"
LEVEL, BLOCK = 3, "1M"  # of squashfs, in all rows
TENSOR = "32M"
THIRD, QUARTER = 3, 4
TWO_CPUS, ONE_CPU = "two CPUs", "one CPU"
ROUND_TRIP = ("round trip: a byte through a pipe to another process, and one back; on two CPUs each "
              "waits until the other is woken")


def tree_size(path):
    if os.path.isfile(path):
        return os.path.getsize(path)
    return sum(
        os.lstat(os.path.join(top, name)).st_size
        for top, folders, names in os.walk(path)
        for name in folders + names
    )


def remove(path):
    if os.path.isdir(path):
        shutil.rmtree(path)
    elif os.path.lexists(path):
        os.unlink(path)


class World:
    def __init__(self, build, size, repeats, work, quick=False):
        self.build = os.path.abspath(build)
        self.program = os.path.join(work, "bundlefs")  # where any user can reach it
        shutil.copy2(os.path.join(self.build, "tools", "bundlefs"), self.program)
        self.size, self.repeats, self.work, self.quick = size, repeats, work, quick
        Place.size = size

    def path(self, name):
        return os.path.join(self.work, name)

    def bench_program(self, name):
        return os.path.join(self.build, "integration", "bench", name)

    def round_trips(self):
        """Where two processes run -> microseconds until one has an answer of the other."""
        settle(0)
        found = json.loads(run([self.bench_program("round-trip-bench")]))
        keys = {TWO_CPUS: "two_cpus_us", ONE_CPU: "one_cpu_us"}
        return {where: found[key] for where, key in keys.items() if key in found}

    @functools.cached_property
    def options(self):
        """What may follow `mount -o`."""
        text = run([self.program, "mount", "--help"]).partition("Mount options")[2]
        return set(re.findall(r"^\s+([a-z_]+)(?:=|\s)", text, re.MULTILINE))

    @functools.cached_property
    def verbs(self):
        return set(re.findall(r"^  ([a-z]+)  ", run([self.program, "--help"]), re.MULTILINE))

    def make_model(self, name, size, dtype="bf16", seed=1):
        folder = self.path(name)
        run([
            os.path.join(HERE, "..", "models", "make_safetensors.py"), folder, "--bare",
            "--size", size, "--dtype", dtype, "--seed", seed, "--tensor-size", TENSOR,
        ])
        return folder

    def safetensors(self, name, share=1, dtype="bf16"):
        """Of that share of --size."""
        size = self.size // share
        return Dataset(self, name, FILE, lambda _: self.make_model(name, size, dtype))

    @functools.cached_property
    def main(self):
        return self.safetensors("model")

    @functools.cached_property
    def third(self):
        """For the rows that read it very often."""
        return self.safetensors("third", THIRD)

    @functools.cached_property
    def q4(self):
        def make(folder):
            os.makedirs(folder)
            run([
                os.path.join(HERE, "make_q4_gguf.py"), os.path.join(folder, GGUF),
                "--size", self.size // QUARTER,
            ])

        return Dataset(self, "q4", GGUF, make)

    @property
    def model(self):
        return self.main.folder

    @property
    def store(self):
        return self.main.store

    def pack(self, store, folder, version=VERSION, *options):
        words = [self.program, "pack", store, f"{NAME}:{version}", folder, "--json", *options]
        return json.loads(run(words))

    def make_squashfs(self, image, folder, block=BLOCK):
        remove(image)
        run([
            "mksquashfs", folder, image, "-comp", "zstd", "-Xcompression-level", LEVEL,
            "-b", block, "-processors", os.cpu_count(), "-noappend", "-quiet", "-no-progress",
        ])

    def make_erofs(self, image, folder):
        remove(image)
        run(erofs.command(self.mkfs_erofs, self.erofs_compressor, image, folder))

    @functools.cached_property
    def mkfs_erofs(self):
        return erofs.program(self.build)

    @functools.cached_property
    def erofs_compressor(self):
        return erofs.compressor(self.mkfs_erofs)

    @property
    def erofs_name(self):
        return f"erofs {self.erofs_compressor or 'zstd'}, kernel"

    def bundlefs(self, options="", user=None, store=None):
        return self.main.bundlefs(options, user, store)

    def kernel_squashfs(self):
        return self.main.kernel_squashfs()

    def kernel_erofs(self):
        return self.main.kernel_erofs()

    def squashfuse(self):
        return self.main.squashfuse()

    def plain(self, cold):
        return self.main.plain(cold)

    def warm_model(self):
        self.main.warm()
