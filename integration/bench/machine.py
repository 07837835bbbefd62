# SPDX-License-Identifier: Apache-2.0
"""What the figures were measured on, in words that say what matters for speed and name no host."""
import os
import platform
import re
import subprocess
import sys

from system import output_of, run, which

RUNTIMES = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "runtimes")
PROGRAMS = {  # name -> how it tells its version
    "squashfs-tools": ["mksquashfs", "-version"],
    "squashfuse": ["squashfuse_ll", "--help"],
    "zstd": ["zstd", "--version"],
    "fuse3": ["fusermount3", "--version"],
    "openssl": ["openssl", "version"],
    "node": ["node", "--version"],
}


def first_match(path, pattern, otherwise):
    try:
        with open(path, encoding="utf-8") as file:
            found = re.search(pattern, file.read(), re.MULTILINE)
    except OSError:
        return otherwise
    return found[1] if found else otherwise


def cores():
    count, usable = os.cpu_count(), len(os.sched_getaffinity(0))
    return f"{count} cores" if count == usable else f"{usable} of {count} cores"


def virtual():
    flags = first_match("/proc/cpuinfo", r"^flags\s*:\s*(.*)$", "").split()
    return "a virtual machine" if "hypervisor" in flags else ""


def machine():
    cpu = first_match("/proc/cpuinfo", r"^model name\s*:\s*(.*)$", platform.machine())
    memory = int(first_match("/proc/meminfo", r"^MemTotal:\s+(\d+)", "0")) / (1 << 20)
    system = first_match("/etc/os-release", r'^PRETTY_NAME="?([^"\n]*)', "Linux")
    kernel = ".".join(platform.release().split(".")[:2])
    words = (cores(), cpu, f"{memory:.0f} GiB memory", virtual(), system, f"kernel {kernel}")
    return ", ".join(word for word in words if word)


def cpu_features():
    """Those that this is about."""
    flags = set(first_match("/proc/cpuinfo", r"^flags\s*:\s*(.*)$", "").split())
    names = {"sha_ni": "SHA-NI", "avx2": "AVX2", "avx512f": "AVX-512", "sha2": "SHA-2"}
    return ", ".join(name for flag, name in names.items() if flag in flags) or "none of interest"


def disk(folder):
    """The kind of file system that a folder lies on."""
    try:
        return run(["findmnt", "-n", "-o", "FSTYPE", "-T", folder]).strip()
    except (OSError, RuntimeError):
        return "an unknown file system"


def torch_version():
    done = subprocess.run(
        [sys.executable, "-c", "import torch; print(torch.__version__)"],
        capture_output=True, text=True, check=False,
    )
    return done.stdout.strip()


def llama_version():
    path = os.path.join(RUNTIMES, "node_modules", "node-llama-cpp", "package.json")
    return first_match(path, r'^\s*"version":\s*"([^"]+)"', "")


def versions(mkfs_erofs):
    """mkfs_erofs: the one that is used, or None."""
    found = {}
    for name, command in {**PROGRAMS, "erofs-utils": [mkfs_erofs or "-", "--version"]}.items():
        number = re.search(r"\d+(\.\d+)+\S*", output_of(command))
        if number:
            found[name] = number[0].strip("(),")
        elif which(command[0]):
            found[name] = "of unknown version"
    if llama_version():
        found["node-llama-cpp"] = llama_version()
    if torch_version():
        found["PyTorch"] = torch_version()
    found["Python"] = platform.python_version()
    return found
