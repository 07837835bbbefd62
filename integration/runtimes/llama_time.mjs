// SPDX-License-Identifier: Apache-2.0
// llama_time.mjs MODEL.gguf mmap|read: seconds until the model is loaded, and until it has decoded its
// first token, by one thread, from when the library was ready. One line of JSON.
import {getLlama} from "node-llama-cpp";

const [modelPath, how] = process.argv.slice(2);
if (!["mmap", "read"].includes(how)) {
    console.error("usage: llama_time.mjs MODEL.gguf mmap|read");
    process.exit(2);
}

const llama = await getLlama({gpu: false, build: "never", skipDownload: true, logLevel: "error"});
const start = performance.now();
const seconds = () => (performance.now() - start) / 1000;
const model = await llama.loadModel({modelPath, useMmap: how === "mmap", gpuLayers: 0});
const loaded = seconds();
const context = await model.createContext({contextSize: 128, threads: 1});
const sequence = context.getSequence();
let firstToken;
for await (const _ of sequence.evaluate(model.tokenize("a", true), {temperature: 0})) {
    firstToken = seconds();
    break;
}
if (firstToken === undefined)
    throw new Error("llama.cpp decoded no token");
console.log(JSON.stringify({loaded, firstToken}));
await model.dispose();
