import { readFileSync } from "node:fs";
import type { ImageCodec } from "../../src/ports/image-codec.ts";
import { createJsquashCodec, type JsquashModules } from "../../src/providers/jsquash/image-codec.ts";

const packages = new URL("../../node_modules/@jsquash/", import.meta.url);

/** The codec's WebAssembly, compiled from node_modules: Node has no static wasm imports. */
export function nodeJsquashModules(): JsquashModules {
  const compile = (path: string) => new WebAssembly.Module(readFileSync(new URL(path, packages)));
  return {
    jpegDecoder: compile("jpeg/codec/dec/mozjpeg_dec.wasm"),
    jpegEncoder: compile("jpeg/codec/enc/mozjpeg_enc.wasm"),
    png: compile("png/codec/pkg/squoosh_png_bg.wasm"),
    webpDecoder: compile("webp/codec/dec/webp_dec.wasm"),
    webpEncoder: compile("webp/codec/enc/webp_enc_simd.wasm"),
  };
}

/** The real codec in plain Node, for tests and scripts. */
export function createNodeCodec(): ImageCodec {
  return createJsquashCodec(nodeJsquashModules());
}
