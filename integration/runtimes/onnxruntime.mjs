// SPDX-License-Identifier: Apache-2.0
// onnxruntime.mjs MODEL.onnx: runs it on a fixed input, prints the output bits as hexadecimal.
import ort from "onnxruntime-node";

const [path] = process.argv.slice(2);
const session = await ort.InferenceSession.create(path, {executionProviders: ["cpu"], intraOpNumThreads: 1});
const width = 96;
const input = Float32Array.from({length: width}, (_, i) => Math.sin(i + 1));
const {y} = await session.run({x: new ort.Tensor("float32", input, [1, width])});
if (y.data.length !== width || y.data.every((value) => value === 0))
    throw new Error("the model gave no output");
console.log(Buffer.from(y.data.buffer, y.data.byteOffset, y.data.byteLength).toString("hex"));
