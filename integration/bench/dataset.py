# SPDX-License-Identifier: Apache-2.0
"""One model file, and what each contender stores it in; each is made when it is first asked for."""
import functools
import os

from places import Bundlefs, Image, Plain, Squashfuse, Stream
from system import run, warm, which


class Dataset:
    def __init__(self, world, name, file, make):
        """make(folder) writes `file` there, and perhaps others beside it."""
        self.world, self.name, self.file, self.make = world, name, file, make

    def path(self, suffix):
        return self.world.path(f"{self.name}.{suffix}")

    @functools.cached_property
    def folder(self):
        folder = self.world.path(self.name)
        self.make(folder)
        return folder

    @functools.cached_property
    def size(self):
        return os.path.getsize(os.path.join(self.folder, self.file))

    @functools.cached_property
    def store(self):
        store = self.path("store")
        self.world.pack(store, self.folder)
        return store

    @functools.cached_property
    def squashfs(self):
        if not which("mksquashfs"):
            return None
        image = self.path("squashfs")
        self.world.make_squashfs(image, self.folder)
        return image

    @functools.cached_property
    def erofs(self):
        if not self.world.erofs_compressor:
            return None
        image = self.path("erofs")
        self.world.make_erofs(image, self.folder)
        return image

    @functools.cached_property
    def frame(self):
        if not which("zstd"):
            return None
        frame = self.path("zst")
        run(["zstd", "-3", "-q", "-f", "-T0", os.path.join(self.folder, self.file), "-o", frame])
        return frame

    def sized(self, place):
        place.size = self.size
        return place

    def bundlefs(self, options="", user=None, store=None):
        world = self.world
        place = Bundlefs(world.work, self.file, world.program, store or self.store, options, user)
        place.fill = "warm" if "warm" in world.verbs else None
        return self.sized(place)

    def kernel_squashfs(self):
        return self.sized(Image(self.world.work, self.file, self.squashfs, "squashfs"))

    def kernel_erofs(self):
        return self.sized(Image(self.world.work, self.file, self.erofs, "erofs"))

    def squashfuse(self):
        return self.sized(Squashfuse(self.world.work, self.file, self.squashfs))

    def plain(self, cold=True):
        return self.sized(Plain(self.world.work, self.file, self.folder, cold))

    def stream(self):
        return self.sized(Stream(self.world.work, self.frame))

    def warm(self):
        warm(self.folder)
