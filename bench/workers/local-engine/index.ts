import { IMAGE_MIMES, type ImageMime } from "../../../src/ports/image-codec.ts";
import { createJsquashCodec } from "../../../src/providers/jsquash/image-codec.ts";
import { jsquashModules } from "../../../src/providers/jsquash/wasm-modules.ts";
import { createLocalImageGenerator } from "../../../src/providers/local-engine/local-image-generator.ts";

const engine = createLocalImageGenerator({ codec: createJsquashCodec(jsquashModules) });

function mimeOf(value: string | null): ImageMime {
  const mime = IMAGE_MIMES.find((known) => known === value);
  if (mime === undefined) throw new Error(`${value} is no type of picture`);
  return mime;
}

/**
 * `POST /style?preset=…&output=…` and `POST /try-on?output=…` answer with what the engine makes of the picture in the
 * body, whose type is in the header; a garment of a try-on follows the person, from byte `garmentAt`.
 */
async function answer(request: Request): Promise<Response> {
  const { pathname, searchParams } = new URL(request.url);
  const body = new Uint8Array(await request.arrayBuffer());
  if (pathname === "/empty") return new Response(body);
  const mime = mimeOf(request.headers.get("Content-Type"));
  const split = Number(searchParams.get("garmentAt") ?? body.length);
  const source = (bytes: Uint8Array<ArrayBuffer>, width: number, height: number) => ({ bytes, mime, width, height });
  const person = source(body.subarray(0, split), 0, 0);
  const common = {
    conversionId: "bench",
    person,
    prompt: null,
    seed: 1,
    outputMime: mimeOf(searchParams.get("output")),
    imageOnly: false,
  };
  const { bytes } = await engine.generate(
    pathname === "/try-on"
      ? { ...common, kind: "tryon", garment: source(body.subarray(split), 0, 0), category: "auto" }
      : { ...common, kind: "style", style: { preset: searchParams.get("preset") ?? "" } },
    { signal: request.signal },
  );
  return new Response(bytes);
}

export default { fetch: answer } satisfies ExportedHandler;
