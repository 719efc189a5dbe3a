/** D1, R2 and Queues by name: made unless they are there, deleted unless they are gone. */
import { z } from "zod";
import { type CloudflareApi, CloudflareError } from "./cloudflare-api.ts";
import type { ResourceNames } from "./names.ts";

export interface Ensured {
  readonly id: string;
  /** False when it was there. */
  readonly isNew: boolean;
}

/** What is said of it. */
export function told({ isNew }: Ensured): string {
  return isNew ? "made" : "was there";
}

const database = z.object({ uuid: z.string(), name: z.string() });
const bucket = z.object({ name: z.string() });
const queue = z.object({
  queue_id: z.string(),
  queue_name: z.string(),
  consumers: z.array(z.object({ consumer_id: z.string() })).default([]),
});

/** Cloudflare's codes for a name that is taken: somebody else was faster. */
const TAKEN = new Set([7_502, 10_004, 11_009]);
/** Of R2, for an object that isn't there. */
const NO_SUCH_OBJECT = 10_007;
/** Of buckets in a list, of objects in a list, and of objects that are deleted by one call: the most there may be. */
const PAGE = 1_000;

function isTaken(error: unknown): boolean {
  return error instanceof CloudflareError && error.codes.some((code) => TAKEN.has(code));
}

/** Null for what isn't there. */
async function unlessGone<T>(asked: Promise<T>): Promise<T | null> {
  try {
    return await asked;
  } catch (error) {
    if (error instanceof CloudflareError && error.status === 404) return null;
    throw error;
  }
}

async function ensure(find: () => Promise<string | null>, make: () => Promise<string>): Promise<Ensured> {
  const known = await find();
  if (known !== null) return { id: known, isNew: false };
  try {
    return { id: await make(), isNew: true };
  } catch (error) {
    const id = isTaken(error) ? await find() : null;
    if (id === null) throw error;
    return { id, isNew: false };
  }
}

/** Null when there is none of that name; the filter also finds names that only contain it. */
export async function findDatabase(api: CloudflareApi, name: string): Promise<string | null> {
  const found = await api.list("/d1/database", database, { name });
  return found.find((it) => it.name === name)?.uuid ?? null;
}

export async function ensureDatabase(api: CloudflareApi, name: string): Promise<Ensured> {
  return ensure(
    () => findDatabase(api, name),
    async () => (await api.call("/d1/database", database, { method: "POST", body: { name } })).uuid,
  );
}

/** Its id is its name. */
export async function ensureBucket(api: CloudflareApi, name: string): Promise<Ensured> {
  return ensure(
    async () => (await unlessGone(api.call(`/r2/buckets/${name}`, bucket)))?.name ?? null,
    async () => (await api.call("/r2/buckets", bucket, { method: "POST", body: { name } })).name,
  );
}

async function findQueue(api: CloudflareApi, name: string): Promise<z.infer<typeof queue> | null> {
  const found = await api.list("/queues", queue, { name });
  return found.find((it) => it.queue_name === name) ?? null;
}

export async function ensureQueue(api: CloudflareApi, name: string): Promise<Ensured> {
  return ensure(
    async () => (await findQueue(api, name))?.queue_id ?? null,
    async () => (await api.call("/queues", queue, { method: "POST", body: { queue_name: name } })).queue_id,
  );
}

/** False when it was gone. Its data goes with it. */
export async function deleteDatabase(api: CloudflareApi, name: string): Promise<boolean> {
  const id = await findDatabase(api, name);
  if (id === null) return false;
  await unlessGone(api.call(`/d1/database/${id}`, z.unknown(), { method: "DELETE" }));
  return true;
}

/** At most {@link PAGE}. Cloudflare deletes all it can, and calls it a failure when one of them was gone. */
async function deleteObjects(api: CloudflareApi, name: string, keys: readonly string[]): Promise<void> {
  try {
    await api.call(`/r2/buckets/${name}/objects`, z.unknown(), { method: "DELETE", body: keys });
  } catch (error) {
    const isGone = error instanceof CloudflareError && error.codes.every((code) => code === NO_SUCH_OBJECT);
    if (!isGone || error.codes.length === 0) throw error;
  }
}

/** False when it was gone. Only an empty bucket can be deleted, so its objects go first, a page after the other. */
export async function deleteBucket(api: CloudflareApi, name: string): Promise<boolean> {
  const firstPage = () =>
    unlessGone(
      api.call(`/r2/buckets/${name}/objects`, z.array(z.object({ key: z.string() })), {
        query: { per_page: String(PAGE) },
      }),
    );
  let objects = await firstPage();
  if (objects === null) return false;
  while (objects !== null && objects.length > 0) {
    const keys: string[] = objects.map(({ key }) => key);
    await deleteObjects(api, name, keys);
    objects = await firstPage();
    if (objects?.[0]?.key === keys[0]) throw new Error(`objects of the bucket ${name} can't be deleted: ${keys[0]}`);
  }
  await unlessGone(api.call(`/r2/buckets/${name}`, z.unknown(), { method: "DELETE" }));
  return true;
}

/** How many were taken off. A Worker that a queue still has as its consumer can't be deleted. */
export async function removeConsumers(api: CloudflareApi, name: string): Promise<number> {
  const { queue_id, consumers } = (await findQueue(api, name)) ?? { queue_id: "", consumers: [] };
  for (const { consumer_id } of consumers) {
    const path = `/queues/${queue_id}/consumers/${consumer_id}`;
    await unlessGone(api.call(path, z.unknown(), { method: "DELETE" }));
  }
  return consumers.length;
}

/** False when it was gone. A queue that a Worker still binds or consumes can't be deleted. */
export async function deleteQueue(api: CloudflareApi, name: string): Promise<boolean> {
  const found = await findQueue(api, name);
  if (found === null) return false;
  await unlessGone(api.call(`/queues/${found.queue_id}`, z.unknown(), { method: "DELETE" }));
  return true;
}

/**
 * False when it was gone. Its Durable Objects and what they hold go with it, which takes `force`: without, Cloudflare
 * keeps a Worker that has any. So the caller sees to it that nothing else needs it.
 */
export async function deleteWorker(api: CloudflareApi, name: string): Promise<boolean> {
  const call = { method: "DELETE", query: { force: "true" } } as const;
  const deleted = await unlessGone(api.call(`/workers/scripts/${name}`, z.unknown(), call).then(() => true));
  return deleted ?? false;
}

/** Buckets come in pages after each other's last name. */
async function listBuckets(api: CloudflareApi, part: string): Promise<string[]> {
  const names: string[] = [];
  for (let after = ""; ; ) {
    const query = { per_page: String(PAGE), name_contains: part, ...(after === "" ? {} : { start_after: after }) };
    const { buckets } = await api.call("/r2/buckets", z.object({ buckets: z.array(bucket) }), { query });
    names.push(...buckets.map(({ name }) => name));
    const last = buckets.at(-1)?.name;
    if (last === undefined || buckets.length < PAGE) return names;
    after = last;
  }
}

/** All resources of the account whose names contain `part`; queues, which know no such filter, all of them. */
export async function listResources(api: CloudflareApi, part: string): Promise<ResourceNames> {
  const [buckets, databases, queues] = await Promise.all([
    listBuckets(api, part),
    api.list("/d1/database", database, { name: part }),
    api.list("/queues", queue),
  ]);
  return {
    buckets,
    databases: databases.map(({ name }) => name),
    queues: queues.map(({ queue_name }) => queue_name),
  };
}
