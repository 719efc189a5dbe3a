import { createGeminiGenerator } from "../../../src/providers/gemini/gemini-image-generator.ts";
import { thumbnailsOf } from "../../../src/providers/image-processing/thumbnails.ts";
import { createJsquashCodec } from "../../../src/providers/jsquash/image-codec.ts";
import { jsquashModules } from "../../../src/providers/jsquash/wasm-modules.ts";

interface PlainEnv {
  readonly DB: D1Database;
  readonly BUCKET: R2Bucket;
  readonly PLAIN: Queue;
  readonly GEMINI_API_KEY: string;
  readonly GEMINI_BASE_URL: string;
  /** How many rows the end of a job writes. */
  readonly ROWS: number;
}

const INPUT = "input";
const MODEL = "gemini-3.1-flash-image";
const TABLE = "CREATE TABLE parts (id TEXT, part INTEGER, at INTEGER NOT NULL, PRIMARY KEY (id, part)) WITHOUT ROWID";
/** As the consumer makes a result. */
const QUALITY = 90;
const codec = createJsquashCodec(jsquashModules);

async function answerOf(bytes: Uint8Array, id: string, env: PlainEnv) {
  const { generate } = createGeminiGenerator({
    ...{ apiKey: env.GEMINI_API_KEY, baseUrl: env.GEMINI_BASE_URL, gatewayToken: null, prices: null },
    models: { style: MODEL, tryon: MODEL },
  });
  const wish = { prompt: null, seed: 1, outputMime: "image/jpeg", imageOnly: false } as const;
  const person = { bytes, mime: "image/png", width: 96, height: 128 } as const;
  const style = { kind: "style", style: { preset: "watercolor" } } as const;
  return generate({ conversionId: id, person, ...wish, ...style }, { signal: new AbortController().signal });
}

async function convert(id: string, env: PlainEnv): Promise<void> {
  const { DB, BUCKET } = env;
  const input = await BUCKET.get(INPUT);
  if (input === null) throw new Error("there is no input");
  const answer = await answerOf(new Uint8Array(await input.arrayBuffer()), id, env);
  const raster = await codec.decode(answer.bytes, answer.mime);
  const original = await codec.encode(raster, "image/jpeg", { quality: QUALITY });
  const { thumbnail, smallThumbnail } = await thumbnailsOf(codec, raster);
  const put = (name: string, bytes: Uint8Array, contentType: string) =>
    BUCKET.put(`results/${id}/${name}`, bytes, { httpMetadata: { contentType } });
  await Promise.all([
    put("original", original, "image/jpeg"),
    put("thumbnail", thumbnail, "image/webp"),
    put("small", smallThumbnail, "image/webp"),
  ]);
  const insert = DB.prepare("INSERT INTO parts (id, part, at) VALUES (?, ?, ?)");
  const now = Date.now();
  await DB.batch(Array.from({ length: env.ROWS }, (_, part) => insert.bind(id, part, now)));
}

export default {
  /** `PUT /` makes the table and keeps the body as every job's input; `POST /` sends a message for each id of the body. */
  async fetch(request, { DB, BUCKET, PLAIN }): Promise<Response> {
    if (request.method === "PUT") {
      await DB.prepare(TABLE).run();
      await BUCKET.put(INPUT, await request.arrayBuffer());
    } else {
      const ids = await request.json<string[]>();
      await PLAIN.sendBatch(ids.map((id) => ({ body: id, contentType: "json" })));
    }
    return new Response(null, { status: 204 });
  },

  /** The result of each message, by whoever has it first or last, once, twice or never. */
  async queue(batch, env) {
    for (const message of batch.messages) {
      await convert(message.body as string, env);
      message.ack();
    }
  },
} satisfies ExportedHandler<PlainEnv>;
