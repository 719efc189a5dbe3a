import { IMAGE_MIMES } from "../../../src/ports/image-codec.ts";
import type { ImageProcessor } from "../../../src/ports/image-processor.ts";

interface MemoryBenchEnv {
  readonly JOBS: Queue;
  readonly IMAGES: ImageProcessor;
}

/** `POST /job?id=…` sends a conversion to its queue; `POST /upload?width=…&height=…` has the picture in the body prepared. */
async function answer(request: Request, { JOBS, IMAGES }: MemoryBenchEnv): Promise<Response> {
  const { pathname, searchParams } = new URL(request.url);
  if (pathname === "/job") {
    await JOBS.send({ v: 1, type: "conversion.run", conversionId: searchParams.get("id") }, { contentType: "json" });
    return new Response(null, { status: 204 });
  }
  const mime = IMAGE_MIMES.find((known) => known === request.headers.get("Content-Type"));
  if (mime === undefined) return new Response(null, { status: 415 });
  const [width, height] = [Number(searchParams.get("width")), Number(searchParams.get("height"))];
  const bytes = new Uint8Array(await request.arrayBuffer());
  const prepared = await IMAGES.prepare({ bytes, mime, width, height, orientation: 1 });
  return new Response(prepared.ok ? `${prepared.width} × ${prepared.height}` : prepared.reason);
}

export default { fetch: answer } satisfies ExportedHandler<MemoryBenchEnv>;
