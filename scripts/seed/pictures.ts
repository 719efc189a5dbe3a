/** Real pictures for the users whom somebody can sign in as, and their objects in the local bucket. */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import type { DatabaseSync } from "node:sqlite";
import { convertV4MiniflareOptions, Miniflare, type V4WorkerOptions } from "miniflare";
import sharp from "sharp";
import { unstable_getMiniflareWorkerOptions } from "wrangler";
import { STYLE_PRESET_IDS } from "../../src/modules/conversions/style-presets.ts";
import { smallThumbnailKey } from "../../src/modules/images/object-keys.ts";
import { ROOT } from "../stack-env.ts";
import type { Picture } from "./job.ts";
import type { Pictures } from "./people.ts";

const THUMBNAIL_SIDE = 512;
const SMALL_SIDE = 256;

interface StoredPicture {
  readonly picture: Picture;
  readonly original: Buffer;
  readonly thumbnail: Buffer;
  readonly smallThumbnail: Buffer;
}

export interface Samples {
  readonly pictures: Pictures;
  readonly bySha256: ReadonlyMap<string, StoredPicture>;
}

/** As an upload is stored: upright, without metadata. */
async function load(file: string): Promise<StoredPicture> {
  const image = sharp(readFileSync(join(ROOT, file))).autoOrient();
  const isPng = file.endsWith(".png");
  const { data: original, info } = await (isPng ? image.png() : image.jpeg({ quality: 90 })).toBuffer({
    resolveWithObject: true,
  });
  const thumbnail = (side: number) =>
    sharp(original).resize(side, side, { fit: "inside", withoutEnlargement: true }).webp().toBuffer();
  const picture: Picture = {
    mime: isPng ? "image/png" : "image/jpeg",
    bytes: original.byteLength,
    width: info.width,
    height: info.height,
    sha256: createHash("sha256").update(original).digest("hex"),
  };
  return { picture, original, thumbnail: await thumbnail(THUMBNAIL_SIDE), smallThumbnail: await thumbnail(SMALL_SIDE) };
}

/** The repository's own pictures: samples, and what the built-in engine has made of them. */
export async function loadSamples(): Promise<Samples> {
  const [person, garment, style, ofPicture, tryOn, ...presets] = await Promise.all(
    [
      "samples/person-astronaut.png",
      "samples/garment-tshirt.png",
      "samples/style-hubble.jpg",
      "docs/pictures/oil.jpg",
      "docs/pictures/try-on.jpg",
      ...STYLE_PRESET_IDS.map((id) => `public/api/styles/samples/${id}.jpg`),
    ].map(load),
  );
  if (!person || !garment || !style || !ofPicture || !tryOn) throw new Error("a sample picture is missing");
  const all = [person, garment, style, ofPicture, tryOn, ...presets];
  const pictures: Pictures = {
    person: person.picture,
    garment: garment.picture,
    style: style.picture,
    result({ kind, stylePreset }) {
      const preset = presets[STYLE_PRESET_IDS.map(String).indexOf(stylePreset ?? "")];
      return (kind === "tryon" ? tryOn : (preset ?? ofPicture)).picture;
    },
  };
  return { pictures, bySha256: new Map(all.map((stored) => [stored.picture.sha256, stored])) };
}

interface LiveImage {
  readonly sha256: string;
  readonly mime: string;
  readonly original_key: string;
  readonly thumbnail_key: string;
}

/**
 * Puts the objects of these users' images into the local bucket, as far as the images are there still.
 * @returns of how many images.
 */
export async function storeObjects(
  stateDir: string,
  db: DatabaseSync,
  phones: readonly string[],
  { bySha256 }: Samples,
): Promise<number> {
  const images = db
    .prepare(
      `SELECT sha256, mime, original_key, thumbnail_key FROM images WHERE deleted_at IS NULL AND user_id IN
        (SELECT id FROM users WHERE phone IN (SELECT value FROM json_each(?)))`,
    )
    .all(JSON.stringify(phones)) as unknown as LiveImage[];
  const { workerOptions } = unstable_getMiniflareWorkerOptions(join(ROOT, "wrangler.toml"));
  const { r2Buckets } = workerOptions;
  const worker = { modules: true, script: "export default {}", name: "seed", r2Buckets } as V4WorkerOptions;
  const resourcePersistencePath = join(stateDir, "v3");
  const telemetry = { enabled: false };
  const miniflare = new Miniflare(
    convertV4MiniflareOptions({ cf: false, telemetry, resourcePersistencePath, workers: [worker] }),
  );
  try {
    const bucket = await miniflare.getR2Bucket("BUCKET");
    let stored = 0;
    for (const image of images) {
      const sample = bySha256.get(image.sha256);
      if (sample === undefined) continue;
      const put = (key: string, bytes: Buffer, contentType: string) =>
        bucket.put(key, new Uint8Array(bytes), { httpMetadata: { contentType } });
      await Promise.all([
        put(image.original_key, sample.original, image.mime),
        put(image.thumbnail_key, sample.thumbnail, "image/webp"),
        put(smallThumbnailKey(image.thumbnail_key), sample.smallThumbnail, "image/webp"),
      ]);
      stored += 1;
    }
    return stored;
  } finally {
    await miniflare.dispose();
  }
}
