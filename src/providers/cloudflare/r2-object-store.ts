import { AppError } from "../../kernel/app-error.ts";
import type { ObjectStore, StoredObject } from "../../ports/object-store.ts";

function describe(object: R2Object): StoredObject {
  return {
    size: object.size,
    mime: object.httpMetadata?.contentType ?? "application/octet-stream",
    metadata: object.customMetadata ?? {},
  };
}

async function available<T>(work: Promise<T>): Promise<T> {
  try {
    return await work;
  } catch (cause) {
    throw new AppError("service_unavailable", { cause });
  }
}

/** The object store on R2. Failures of R2 are `service_unavailable`. */
export function createR2ObjectStore(bucket: R2Bucket): ObjectStore {
  return {
    async create(key, bytes, options) {
      const put = bucket.put(key, bytes, {
        onlyIf: { etagDoesNotMatch: "*" },
        httpMetadata: { contentType: options.mime },
        ...(options.metadata ? { customMetadata: { ...options.metadata } } : {}),
      });
      return (await available(put)) !== null;
    },
    async head(key) {
      const object = await available(bucket.head(key));
      return object && describe(object);
    },
    async get(key, range) {
      const object = await available(bucket.get(key, range ? { range } : {}));
      if (!object) return null;
      return { ...describe(object), body: object.body, bytes: async () => new Uint8Array(await object.arrayBuffer()) };
    },
    async delete(keys) {
      await available(bucket.delete([...keys]));
    },
    async list(prefix, { cursor, limit }) {
      // The last key in place of R2's own cursor: that one is good for a while only, and a walk takes days.
      const page = await available(bucket.list({ prefix, limit, ...(cursor === null ? {} : { startAfter: cursor }) }));
      const objects = page.objects.map(({ key, uploaded }) => ({ key, uploadedAt: uploaded.getTime() }));
      return { objects, cursor: page.truncated ? (objects.at(-1)?.key ?? null) : null };
    },
  };
}
