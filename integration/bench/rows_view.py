# SPDX-License-Identifier: Apache-2.0
"""Rows about views."""
import os
from shutil import which

from measure import Row, Skipped
from places import Bundlefs, Image
from system import run
from rows_read import one_way
from world import FILE, remove

# One that shares its source's chunks and widens them, one whose chunks are its source's, one of
# bytes, one of blocks that nothing compresses.
VIEWS = ["cpu-f32", "gpu-bf16", "gpu-fp8", "npu-int8"]
MODEL_SHARE = 4  # the model of this row is that part of --size: five files are made of it


def cold_views(world):
    """Views, which are files like others, beside squashfs images of the same directories."""
    if not which("mksquashfs"):
        raise Skipped("mksquashfs is not installed, so there is nothing to compare with")
    row = Row("cold-views", "Cold sequential read(2) of views, 1 MiB at a time", "MB/s")
    model = world.make_model("viewed", world.size // MODEL_SHARE)
    store = world.path("views-store")
    world.pack(store, model, "1", *(word for view in VIEWS for word in ("--view", view)))
    places = {"bundlefs: the model": world.bundlefs(store=store)}
    image = world.path("viewed.squashfs")
    world.make_squashfs(image, model)
    places["squashfs: the model"] = Image(world.work, FILE, image, "squashfs")
    for view in VIEWS:
        folder, image = world.path(f"view-{view}"), world.path(f"view-{view}.squashfs")
        remove(folder)
        run([world.program, "unpack", store, "bench/model:1", folder, "--view", view])
        world.make_squashfs(image, folder)
        remove(folder)
        places[f"bundlefs: {view}"] = Bundlefs(
            world.work, os.path.join("views", view, FILE), world.program, store
        )
        places[f"squashfs: {view}"] = Image(world.work, FILE, image, "squashfs")
    row.interleave(
        {name: one_way(place, "sequential", 1 << 20) for name, place in places.items()},
        world.repeats,
    )
    for name in ("the model", *VIEWS):
        row.compare(f"bundlefs: {name}", f"squashfs: {name}")
    return [row]
