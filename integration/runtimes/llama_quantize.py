#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""llama_quantize.py SOURCE.gguf TYPE OUT.gguf: quantizes as `llama-quantize --pure` does, by the
function of the pinned llama.cpp that llama-quantize calls."""
import ctypes
import pathlib
import sys

BINS = pathlib.Path(__file__).resolve().parent / (
    "node_modules/@node-llama-cpp/linux-x64/bins/linux-x64")
FILE_TYPES = {"Q4_0": 2, "Q8_0": 7, "Q4_K": 14, "Q6_K": 18}


class Parameters(ctypes.Structure):
    """llama_model_quantize_params: what is set here, and room for what comes behind it."""
    _fields_ = [("n_threads", ctypes.c_int32), ("file_type", ctypes.c_int),
                ("output_type", ctypes.c_int), ("embedding_type", ctypes.c_int),
                ("allow_requantize", ctypes.c_bool), ("quantize_output", ctypes.c_bool),
                ("only_copy", ctypes.c_bool), ("pure", ctypes.c_bool), ("keep_split", ctypes.c_bool),
                ("rest", ctypes.c_uint8 * 235)]


def load():
    ctypes.CDLL(str(BINS / "libggml-base.so"), mode=ctypes.RTLD_GLOBAL)
    ggml = ctypes.CDLL(str(BINS / "libggml.so"), mode=ctypes.RTLD_GLOBAL)
    # Without a backend no model is opened; the oldest one runs on every x86-64 of this decade.
    ggml.ggml_backend_load.restype = ctypes.c_void_p
    if not ggml.ggml_backend_load(str(BINS / "libggml-cpu-sandybridge.so").encode()):
        sys.exit("llama_quantize.py: no backend of llama.cpp runs here")
    llama = ctypes.CDLL(str(BINS / "libllama.so"))
    llama.llama_model_quantize_default_params.restype = Parameters
    return llama


def main():
    if len(sys.argv) != 4 or sys.argv[2] not in FILE_TYPES:
        sys.exit(f"usage: llama_quantize.py SOURCE.gguf {'|'.join(FILE_TYPES)} OUT.gguf")
    llama = load()
    parameters = llama.llama_model_quantize_default_params()
    # What the defaults are tells whether the fields are where they are believed to be.
    if not parameters.quantize_output or parameters.allow_requantize or parameters.pure:
        sys.exit("llama_quantize.py: another llama.cpp than the pinned one")
    parameters.file_type = FILE_TYPES[sys.argv[2]]
    parameters.pure = True
    parameters.n_threads = 1
    if llama.llama_model_quantize(sys.argv[1].encode(), sys.argv[3].encode(),
                                  ctypes.byref(parameters)) != 0:
        sys.exit("llama_quantize.py: llama.cpp failed")


if __name__ == "__main__":
    main()
