import type { WireAnswer, WireRequest } from "../http-fake.ts";
import { type PushFake, startPushFake } from "../telemetry-export/fake-push.ts";

export interface LokiLine {
  readonly stream: Readonly<Record<string, string>>;
  /** Epoch nanoseconds. */
  readonly ns: string;
  readonly line: string;
  readonly metadata: Readonly<Record<string, string>>;
}

export interface LokiFakeOptions {
  readonly port?: number;
  /** Refuses pushes without it. */
  readonly authorization?: string;
  readonly retryAfterSeconds?: number;
}

export interface LokiFake extends PushFake {
  /** As stored, oldest first: without exact duplicates. */
  readonly lines: readonly LokiLine[];
  /** Lines that came again. */
  duplicates(): number;
}

/** The defaults of Loki's limits. */
const MAX_LABELS = 15;
const MAX_LABEL_CHARS = 2_048;
const MAX_LINE_BYTES = 256 * 1024;
const MAX_METADATA = 128;
const REJECT_OLDER_MS = 7 * 24 * 60 * 60_000;
const GRACE_MS = 10 * 60_000;
const MAX_BODY_BYTES = 4 * 1024 * 1024;
const LABEL_NAME = /^[a-zA-Z_][a-zA-Z0-9_]*$/;

class BadPush extends Error {}

type Fields = Readonly<Record<string, unknown>>;

function fieldsOf(value: unknown, what: string): Fields {
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw new BadPush(`${what} is no object`);
  return value as Fields;
}

function stringsOf(value: unknown, what: string): Readonly<Record<string, string>> {
  const fields = fieldsOf(value, what);
  for (const [name, text] of Object.entries(fields)) {
    if (typeof text !== "string") throw new BadPush(`${what}: ${name} is no string`);
  }
  return fields as Readonly<Record<string, string>>;
}

function labelsOf(value: unknown): LokiLine["stream"] {
  const labels = stringsOf(value, "stream");
  const names = Object.keys(labels);
  if (names.length === 0) throw new BadPush("error at least one label pair is required per stream");
  if (names.length > MAX_LABELS) throw new BadPush(`${names.length} label names; limit ${MAX_LABELS}`);
  for (const name of names) {
    if (!LABEL_NAME.test(name)) throw new BadPush(`invalid label name ${name}`);
    if ((labels[name] as string).length > MAX_LABEL_CHARS) throw new BadPush(`label value too long: ${name}`);
  }
  return labels;
}

function checkTime(ns: unknown, now: number): asserts ns is string {
  if (typeof ns !== "string" || !/^\d{1,19}$/.test(ns)) throw new BadPush("timestamp is no string of nanoseconds");
  const ms = Number(BigInt(ns) / 1_000_000n);
  if (ms < now - REJECT_OLDER_MS) throw new BadPush("timestamp too old");
  if (ms > now + GRACE_MS) throw new BadPush("timestamp too new");
}

function lineOf(value: unknown, stream: LokiLine["stream"], now: number): LokiLine {
  if (!Array.isArray(value) || value.length < 2 || value.length > 3) throw new BadPush("a value has 2 or 3 elements");
  const [ns, line, third] = value as [unknown, unknown, unknown];
  checkTime(ns, now);
  if (typeof line !== "string" || !line.isWellFormed()) throw new BadPush("line is no string");
  if (Buffer.byteLength(line) > MAX_LINE_BYTES) throw new BadPush("max entry size exceeded");
  const metadata = value.length === 3 ? stringsOf(third, "structured metadata") : {};
  if (Object.keys(metadata).length > MAX_METADATA) throw new BadPush("too many structured metadata labels");
  return { stream, ns, line, metadata };
}

function parsePush(body: string): readonly LokiLine[] {
  const now = Date.now();
  const { streams } = fieldsOf(JSON.parse(body), "push");
  if (!Array.isArray(streams)) throw new BadPush("streams is no list");
  return streams.flatMap((given) => {
    const { stream, values } = fieldsOf(given, "stream");
    const labels = labelsOf(stream);
    if (!Array.isArray(values)) throw new BadPush("values is no list");
    return values.map((value) => lineOf(value, labels, now));
  });
}

function keyOf({ stream, ns, line }: LokiLine): string {
  return JSON.stringify([Object.entries(stream).sort(), ns, line]);
}

/**
 * Loki's push API on the loopback (https://grafana.com/docs/loki/latest/reference/loki-http-api/#ingest-logs), with the
 * limits and the deduplication of a Loki out of the box.
 */
export async function startLokiFake(options: LokiFakeOptions = {}): Promise<LokiFake> {
  const { authorization, ...rest } = options;
  const lines: LokiLine[] = [];
  const keys = new Set<string>();
  let duplicates = 0;

  function check({ headers, body, bodyBytes }: WireRequest): WireAnswer | null {
    const text = { "Content-Type": "text/plain" };
    if (authorization !== undefined && headers.authorization !== authorization) {
      return { status: 401, headers: text, body: "no org id" };
    }
    if (headers["content-type"] !== "application/json") return { status: 400, headers: text, body: "snappy: corrupt" };
    if (bodyBytes > MAX_BODY_BYTES) return { status: 413, headers: text, body: "message too large" };
    try {
      parsePush(body);
      return null;
    } catch (error) {
      return { status: 400, headers: text, body: error instanceof Error ? error.message : "bad push" };
    }
  }

  function keep(body: string): WireAnswer {
    for (const line of parsePush(body)) {
      if (keys.has(keyOf(line))) duplicates++;
      else {
        keys.add(keyOf(line));
        lines.push(line);
      }
    }
    return { status: 204, body: "" };
  }

  function forget(): void {
    lines.length = 0;
    keys.clear();
    duplicates = 0;
  }
  const path = "/loki/api/v1/push";
  const fake = await startPushFake({ ...rest, path, check, keep, kept: () => ({ lines, duplicates }), forget });
  return { ...fake, lines, duplicates: () => duplicates };
}
