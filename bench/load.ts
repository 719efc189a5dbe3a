/** Load over HTTP. */
import { Agent, request } from "node:http";
import autocannon from "autocannon";

const SAMPLE_MS = 20;

/** One request, where it is more than a GET of a path. */
export interface Ask {
  readonly method: "GET" | "POST";
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
}

export interface Load {
  readonly url: string;
  /** Asked for in rotation; every connection begins at another. */
  readonly paths: readonly (string | Ask)[];
  readonly connections: number;
  readonly requests: number;
  /** Of the asks that are paths alone. */
  readonly headers?: Readonly<Record<string, string>>;
  /** Looks at one of every so many bodies. */
  readonly sample?: { readonly every: number; readonly isRight: (body: string) => boolean };
}

export interface Outcome {
  readonly perSecond: number;
  /** Answers by status. */
  readonly statuses: Readonly<Record<number, number>>;
  /** Bodies that were looked at, and those of them that were wrong. */
  readonly sampled: number;
  readonly wrong: number;
}

/**
 * Sends so many requests, each connection one at a time.
 * @throws {Error} when a request fails without an answer.
 */
export async function load({ url, paths, connections, requests, headers = {}, sample }: Load): Promise<Outcome> {
  let bodies = 0;
  let sampled = 0;
  const verifyBody = (body: string | Buffer | undefined) => {
    if (sample === undefined || bodies++ % sample.every !== 0) return true;
    sampled++;
    return sample.isRight(String(body));
  };
  const asks = paths.map((path) => (typeof path === "string" ? { path, headers } : path));
  const statuses: Record<number, number> = {};
  let last = 0;
  let started = 0;
  const result = await new Promise<autocannon.Result>((resolve, reject) => {
    let index = 0;
    const setupClient = (client: autocannon.Client) => {
      const from = index++ % asks.length;
      client.setRequests([...asks.slice(from), ...asks.slice(0, from)]);
    };
    // autocannon ends at a tick of its own; the figure is taken from the first request to the last answer instead.
    const options = { url, connections, amount: requests, sampleInt: SAMPLE_MS, setupClient, verifyBody };
    started = performance.now();
    const run = autocannon(options, (error, done) => (error ? reject(error) : resolve(done)));
    run.on("response", (_client: autocannon.Client, status: number) => {
      statuses[status] = (statuses[status] ?? 0) + 1;
      last = performance.now();
    });
  });
  const answered = Object.values(statuses).reduce((sum, count) => sum + count, 0);
  if (result.errors > 0 || answered !== requests) {
    throw new Error(`${answered} of ${requests} requests were answered, with ${result.errors} errors`);
  }
  return { perSecond: (requests * 1_000) / (last - started), statuses, sampled, wrong: result.mismatches };
}

const agent = new Agent({ keepAlive: true, maxSockets: 1 });

/** One request on a connection that is kept, and how long it took. */
export async function ask(url: string): Promise<{ readonly ms: number; readonly body: string }> {
  return new Promise((resolve, reject) => {
    const started = performance.now();
    const sent = request(url, { agent }, (response) => {
      let body = "";
      response.setEncoding("utf8");
      response.on("data", (chunk: string) => {
        body += chunk;
      });
      response.on("error", reject);
      response.on("end", () => {
        const ms = performance.now() - started;
        if (response.statusCode === 200) resolve({ ms, body });
        else reject(new Error(`${url} answered ${response.statusCode}: ${body}`));
      });
    });
    sent.on("error", reject);
    sent.end();
  });
}
