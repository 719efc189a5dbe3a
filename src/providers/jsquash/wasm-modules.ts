import jpegDecoder from "@jsquash/jpeg/codec/dec/mozjpeg_dec.wasm";
import jpegEncoder from "@jsquash/jpeg/codec/enc/mozjpeg_enc.wasm";
// @ts-expect-error The package describes the instance's exports; a Worker gets the compiled module.
import png from "@jsquash/png/codec/pkg/squoosh_png_bg.wasm";
import webpDecoder from "@jsquash/webp/codec/dec/webp_dec.wasm";
import webpEncoder from "@jsquash/webp/codec/enc/webp_enc_simd.wasm";
import type { JsquashModules } from "./image-codec.ts";

/** The codecs as Workers get them: compiled at deployment, imported statically. */
export const jsquashModules: JsquashModules = { jpegDecoder, jpegEncoder, png, webpDecoder, webpEncoder };
