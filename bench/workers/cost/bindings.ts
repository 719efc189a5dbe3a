/** Bindings of the platform that do as ever, and count what they are asked for. */
import { count, gauge } from "./counts.ts";

/** Queues count by so many bytes, and keep so many more beside each message. */
const QUEUE_UNIT_BYTES = 64_000;
const QUEUE_METADATA_BYTES = 100;

/** Told of a call before it is made; what it returns is called when the answer is there. */
type OnCall = (method: string, args: readonly unknown[]) => (() => void) | null;
type Methods = Record<string | symbol, unknown>;

/** The same object, with every call of a method told of. */
export function watched<T extends object>(target: T, onCall: OnCall, onResult: (result: unknown) => unknown = same): T {
  const methods = target as unknown as Methods;
  const call = (method: string, args: readonly unknown[]) => {
    const done = onCall(method, args);
    // Called on its owner: what the platform's stubs give for a property is no ordinary function.
    const result = (methods as Record<string, (...args: readonly unknown[]) => unknown>)[method]?.(...args);
    if (done) Promise.resolve(result).then(done, done);
    return onResult(result);
  };
  return new Proxy(target, {
    get(_target, property) {
      const value = methods[property];
      if (typeof property === "symbol" || typeof value !== "function") return value;
      return (...args: readonly unknown[]) => call(property, args);
    },
  });
}

const same = (result: unknown) => result;

/** The same object, with calls told of where nobody cares when they end. */
function told<T extends object>(target: T, onCall: (method: string, args: readonly unknown[]) => void): T {
  return watched(target, (method, args) => {
    onCall(method, args);
    return null;
  });
}

/** A namespace of Durable Objects: each call of a method is a request. */
function countedObjects<T extends DurableObjectNamespace>(name: string, namespace: T): T {
  const onCall: OnCall = (method) => {
    if (name === "METRICS_SHARD" && method === "apply") {
      count("flushes");
      return null;
    }
    count(`object.${name}.requests`);
    count("spans");
    const startedAt = performance.now();
    return () => count(`object.${name}.ms`, performance.now() - startedAt);
  };
  return watched(
    namespace,
    () => null,
    (stub) => watched(stub as object, onCall),
  );
}

interface Meta {
  readonly rows_read?: number;
  readonly rows_written?: number;
  readonly size_after?: number;
}

function countStatement({ rows_read: read = 0, rows_written: written = 0, size_after: size }: Meta): void {
  if (size !== undefined) gauge("d1.bytes", size);
  count("d1.queries");
  count("d1.rowsRead", read);
  count("d1.rowsWritten", written);
}

/** What a database sends its requests through; `raw()` keeps what comes with its rows to itself. */
interface Inside {
  fetcher: { fetch(url: string, init: RequestInit): Promise<Response> };
}

function countedDatabase(database: D1Database): D1Database {
  const inside = (database as unknown as { alwaysPrimarySession: Inside }).alwaysPrimarySession;
  const { fetcher } = inside;
  inside.fetcher = {
    async fetch(url, init) {
      count("d1.trips");
      count("spans");
      const response = await fetcher.fetch(url, init);
      const answer: unknown = await response.clone().json();
      const results = (Array.isArray(answer) ? answer : [answer]) as readonly { readonly meta?: Meta }[];
      const metas = results.map(({ meta }) => meta ?? {});
      for (const meta of metas) countStatement(meta);
      if (metas.some(({ rows_written: written = 0 }) => written > 0)) count("d1.writeTrips");
      return response;
    },
  };
  return database;
}

/** R2's price classes; deleting is free. */
const CLASS_OF: Readonly<Record<string, string>> = { put: "classA", list: "classA", get: "classB", head: "classB" };

function countedBucket(bucket: R2Bucket): R2Bucket {
  return told(bucket, (method, [, value]) => {
    count(`r2.${CLASS_OF[method] ?? "free"}`);
    count("spans");
    if (method === "put" && ArrayBuffer.isView(value)) count("r2.bytesWritten", value.byteLength);
  });
}

function unitsOf(body: unknown): number {
  return Math.ceil((JSON.stringify(body).length + QUEUE_METADATA_BYTES) / QUEUE_UNIT_BYTES);
}

function countedQueue(queue: Queue): Queue {
  return told(queue, (method, [body]) => {
    if (method !== "send") throw new Error(`nobody counts ${method} of a queue`);
    count("queue.operations", unitsOf(body));
    count("spans");
  });
}

/** A batch as it is delivered: each message is read, and removed unless it is to come again. */
export function countedBatch<T extends MessageBatch>(batch: T): T {
  const deliver = (message: Message) => {
    count("queue.operations", 2 * unitsOf(message.body));
    return told(message, (method) => {
      if (method === "retry") count("queue.operations", -unitsOf(message.body));
    });
  };
  const messages = batch.messages.map(deliver);
  const { queue } = batch;
  const retryAll: MessageBatch["retryAll"] = (options) => {
    for (const message of messages) message.retry(options);
  };
  return { queue, messages, retryAll, ackAll: () => batch.ackAll() } as unknown as T;
}

/** Another Worker behind a service binding: no request of its own on the bill, but a span. */
function countedService<T extends object>(service: T): T {
  return told(service, () => {
    count("rpc");
    count("spans");
  });
}

const known = new WeakMap<object, object>();

const is = (value: object, type: string) => value.constructor.name === type;

function countedBinding(name: string, value: object): object {
  if (is(value, "DurableObjectNamespace")) return countedObjects(name, value as DurableObjectNamespace);
  if (is(value, "D1Database")) return countedDatabase(value as D1Database);
  if (is(value, "R2Bucket")) return countedBucket(value as R2Bucket);
  if (is(value, "WorkerQueue") || is(value, "Queue")) return countedQueue(value as Queue);
  if (is(value, "Fetcher")) return countedService(value);
  if (name === "IMAGES") return told(value, (method) => count(`images.${method}`));
  if (name === "ANALYTICS") return told(value, () => count("analytics.points"));
  if (name === "VERSION_METADATA") return value;
  throw new Error(`nobody counts what the binding ${name}, a ${value.constructor.name}, is asked for`);
}

/** The environment of an isolate, its bindings counted: the same object for the same environment. */
export function countedEnv<T extends object>(env: T): T {
  const made = known.get(env);
  if (made !== undefined) return made as T;
  const bindings = Object.entries(env).map(([name, value]) => [
    name,
    typeof value === "object" && value !== null ? countedBinding(name, value) : value,
  ]);
  const counted = Object.fromEntries(bindings) as T;
  known.set(env, counted);
  return counted;
}

const follow = globalThis.fetch;
globalThis.fetch = (input, init) => {
  count("fetches");
  count("spans");
  return follow(input, init);
};
