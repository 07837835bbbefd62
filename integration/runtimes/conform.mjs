// SPDX-License-Identifier: Apache-2.0
// conform.mjs: answers a fixture of one token, as "bundlefs conform" asks: with ONNX Runtime where the
// bundle or view has model.onnx, else with llama.cpp.
import {existsSync, readFileSync, writeFileSync} from "node:fs";

const {BUNDLEFS_BUNDLE: bundle, BUNDLEFS_INPUTS: inputs, BUNDLEFS_OUTPUTS: outputs} = process.env;
const [[token]] = JSON.parse(readFileSync(`${inputs}/input_ids.json`, "utf8"));

async function askOnnx(path) {
    const {default: ort} = await import("onnxruntime-node");
    const session = await ort.InferenceSession.create(path, {executionProviders: ["cpu"], intraOpNumThreads: 1});
    const ids = new ort.Tensor("int64", BigInt64Array.from([BigInt(token)]), [1, 1]);
    const {next_token: next} = await session.run({input_ids: ids});
    return Number(next.data[0]);
}

async function askLlama(modelPath) {
    const {getLlama} = await import("node-llama-cpp");
    const llama = await getLlama({gpu: false, build: "never", skipDownload: true, logLevel: "error"});
    const model = await llama.loadModel({modelPath, gpuLayers: 0});
    const context = await model.createContext({contextSize: 128, threads: 1});
    for await (const next of context.getSequence().evaluate([token], {temperature: 0}))
        return next;
    throw new Error("llama.cpp decoded no token");
}

const onnx = `${bundle}/model.onnx`;
const isOnnx = existsSync(onnx);
const next = isOnnx ? await askOnnx(onnx) : await askLlama(`${bundle}/model.gguf`);
console.log(`${isOnnx ? "ONNX Runtime" : "llama.cpp"}: ${token} -> ${next}`);
writeFileSync(`${outputs}/next_token.json`, JSON.stringify([[next]]));
process.exit(0);
