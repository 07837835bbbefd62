// SPDX-License-Identifier: Apache-2.0
// llama.mjs MODEL.gguf mmap|read N: prints N greedily decoded token ids, one line of JSON.
import {getLlama} from "node-llama-cpp";

const [modelPath, how, count] = process.argv.slice(2);
if (!["mmap", "read"].includes(how) || !(Number(count) > 0)) {
    console.error("usage: llama.mjs MODEL.gguf mmap|read N");
    process.exit(2);
}

const llama = await getLlama({gpu: false, build: "never", skipDownload: true, logLevel: "error"});
const model = await llama.loadModel({modelPath, useMmap: how === "mmap", gpuLayers: 0});
const context = await model.createContext({contextSize: 128, threads: 1});
const sequence = context.getSequence();
const prompt = model.tokenize("the mount shows what was packed", true);
const tokens = [];
for await (const token of sequence.evaluate(prompt, {temperature: 0})) {
    tokens.push(token);
    if (tokens.length >= Number(count))
        break;
}
if (tokens.length === 0)
    throw new Error("llama.cpp decoded no token");
console.log(JSON.stringify({prompt, tokens}));
await model.dispose();
