import { expect, it } from "vitest";
import { concat, pngChunk, pngHeader, QUADRANT_JPEG, text } from "../../../test/support/pictures.ts";
import { zlibZeros } from "../../../test/support/zlib-zeros.ts";
import { type ImageCodec, ImageCodecError } from "../../ports/image-codec.ts";
import type { PrepareRequest } from "../../ports/image-processor.ts";
import { prepareImage, type Transform } from "./prepare-image.ts";

const small: PrepareRequest = { bytes: QUADRANT_JPEG, mime: "image/jpeg", width: 96, height: 64, orientation: 1 };
const large: PrepareRequest = { ...small, width: 3000, height: 2000 };

function failing(error: Error): { codec: ImageCodec; transform: Transform } {
  const fail = () => Promise.reject(error);
  return { codec: { decode: fail, encode: fail, resize: fail }, transform: fail };
}

it("tells a picture that can't be decoded from machinery that fails", async () => {
  const damaged = { ok: false, reason: "The picture is damaged and can't be decoded." };
  expect(await prepareImage(failing(new ImageCodecError("junk")), small)).toEqual(damaged);
  expect(await prepareImage(failing(Object.assign(new Error("bad picture"), { code: 9412 })), large)).toEqual(damaged);
  await expect(prepareImage(failing(new Error("out of memory")), small)).rejects.toThrow("out of memory");
  await expect(prepareImage(failing(new Error("network lost")), large)).rejects.toThrow("network lost");
});

it.each([small, large])("shows no decoder a PNG whose data inflate to far more than its pixels", async (request) => {
  const bytes = concat([
    text("\x89PNG\r\n\x1a\n"),
    pngChunk("IHDR", pngHeader(request.width, request.height, 8, 2)),
    pngChunk("IDAT", zlibZeros(400_000_000)),
    pngChunk("IEND", new Uint8Array(0)),
  ]);
  const untouchable = failing(new Error("not to be asked"));
  expect(await prepareImage(untouchable, { ...request, bytes, mime: "image/png" })).toEqual({
    ok: false,
    reason: "The picture holds far more data than its size needs.",
  });
});
