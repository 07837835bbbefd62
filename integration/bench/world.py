# SPDX-License-Identifier: Apache-2.0
"""What the rows share: the program, the model, and what is made of it, each made once."""
import functools
import json
import os
import re
import shutil
import subprocess

from places import HERE, NAME, VERSION, Bundlefs, Image, Place, Plain, Squashfuse, run, warm, which

FILE = "model.safetensors"
LEVEL, BLOCK = 3, "1M"  # of squashfs, in all rows


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
    def __init__(self, build, size, repeats, work):
        self.build = os.path.abspath(build)
        self.program = os.path.join(work, "bundlefs")  # where any user can reach it
        shutil.copy2(os.path.join(self.build, "tools", "bundlefs"), self.program)
        self.size, self.repeats, self.work = size, repeats, work
        Place.size = size

    def path(self, name):
        return os.path.join(self.work, name)

    def make_model(self, name, size, dtype="bf16", seed=1):
        folder = self.path(name)
        run([
            os.path.join(HERE, "..", "models", "make_safetensors.py"), folder, "--bare",
            "--size", size, "--dtype", dtype, "--seed", seed, "--tensor-size", "32M",
        ])
        return folder

    @functools.cached_property
    def model(self):
        return self.make_model("model", self.size)

    def pack(self, store, folder, version=VERSION, *options):
        words = [self.program, "pack", store, f"{NAME}:{version}", folder, "--json", *options]
        return json.loads(run(words))

    @functools.cached_property
    def store(self):
        store = self.path("store")
        self.pack(store, self.model)
        return store

    def make_squashfs(self, image, folder, block=BLOCK):
        remove(image)
        run([
            "mksquashfs", folder, image, "-comp", "zstd", "-Xcompression-level", LEVEL,
            "-b", block, "-processors", os.cpu_count(), "-noappend", "-quiet", "-no-progress",
        ])

    @functools.cached_property
    def squashfs(self):
        if not which("mksquashfs"):
            return None
        image = self.path("model.squashfs")
        self.make_squashfs(image, self.model)
        return image

    @functools.cached_property
    def erofs_compressor(self):
        """The best that this mkfs.erofs has, or None."""
        if not which("mkfs.erofs"):
            return None
        text = subprocess.run(
            [which("mkfs.erofs"), "--help"], capture_output=True, text=True, check=False
        )
        listed = (text.stdout + text.stderr).rpartition("vailable compressors")[2]
        names = re.findall(r"[a-z0-9]+", listed)
        return next((name for name in ("zstd", "lz4") if name in names), None)

    @functools.cached_property
    def erofs(self):
        if not self.erofs_compressor:
            return None
        image = self.path("model.erofs")
        run(["mkfs.erofs", f"-z{self.erofs_compressor}", "-C", 1 << 20, image, self.model])
        return image

    def bundlefs(self, options="", user=None, store=None):
        return Bundlefs(self.work, FILE, self.program, store or self.store, options, user)

    def kernel_squashfs(self):
        return Image(self.work, FILE, self.squashfs, "squashfs")

    def kernel_erofs(self):
        return Image(self.work, FILE, self.erofs, "erofs")

    def squashfuse(self):
        return Squashfuse(self.work, FILE, self.squashfs)

    def plain(self, cold):
        return Plain(self.work, FILE, self.model, cold)

    def warm_model(self):
        warm(self.model)
