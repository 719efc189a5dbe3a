/** The service with users who create conversions that wait, and the least that could take them on: what row 2 loads. */
import { type Ask, load } from "./load.ts";
import type { Fact } from "./measure.ts";
import { createAsk, HOLDING, holding, NOBODYS_QUEUE, signUp, startService, type User } from "./service.ts";
import type { Simulated, WorkerOptions } from "./simulators.ts";

export const BARE_CREATE = "bench-bare-create";
/** Many, so that nobody has more under way than a busy shop might. */
export const USERS = 64;
export const CONNECTIONS = 32;
export const REQUESTS = 200;
const VARIABLES = { FREE_MONTHLY_CONVERSIONS: "1000000", MAX_CONCURRENT_CONVERSIONS: "1000" };

function bareOptions(): WorkerOptions {
  return {
    name: BARE_CREATE,
    d1Databases: { DB: { id: BARE_CREATE } },
    durableObjects: { SESSION: { className: "Session", useSQLite: true } },
    queueProducers: { JOBS: { queueName: NOBODYS_QUEUE } },
  };
}

/** One way of creating, and all it has answered. */
export class Creating {
  readonly #url: string;
  readonly #asks: readonly Ask[];
  readonly ids: string[] = [];
  sent = 0;
  accepted = 0;

  constructor(url: string, asks: readonly Ask[]) {
    this.#url = url;
    this.#asks = asks;
  }

  async rate(): Promise<number> {
    const isRight = (body: string) => {
      const { id, status }: { id?: string; status?: string } = JSON.parse(body);
      if (id !== undefined) this.ids.push(id);
      return status === "queued";
    };
    const asked = { paths: this.#asks, connections: CONNECTIONS, requests: REQUESTS };
    const outcome = await load({ url: this.#url, ...asked, sample: { every: 1, isRight } });
    this.sent += REQUESTS;
    this.accepted += (outcome.statuses[202] ?? 0) - outcome.wrong;
    return outcome.perSecond;
  }

  answers(name: string): Fact {
    const tell = (accepted: number) => `${accepted} of ${this.sent} are 202 with a queued job`;
    return { what: `answers of ${name}`, expected: tell(this.sent), found: tell(this.accepted) };
  }
}

function bareAsk({ id }: User, { body = "" }: Ask): Ask {
  return { method: "POST", path: `/${id}`, headers: { "Content-Type": "application/json" }, body };
}

export interface Creators {
  readonly workers: Simulated;
  readonly url: string;
  readonly api: Creating;
  readonly bare: Creating;
}

/** Builds, starts and signs users up. `stop` of its workers ends it. */
export async function startCreating(options: {
  readonly minify: boolean;
  readonly inspect: boolean;
}): Promise<Creators> {
  const workers = await startService({
    ...options,
    variables: VARIABLES,
    beside: (api) => [holding(api), { options: bareOptions(), config: "bench/workers/bare-create/wrangler.toml" }],
  });
  try {
    const url = await workers.urlOf(HOLDING);
    const bareUrl = await workers.urlOf(BARE_CREATE);
    const users = await signUp(url, USERS);
    const made = await fetch(bareUrl, { method: "PUT" });
    if (!made.ok) throw new Error(`the bare Worker answered ${made.status}`);
    const api = new Creating(url, users.map(createAsk));
    const bare = new Creating(
      bareUrl,
      users.map((user) => bareAsk(user, createAsk(user))),
    );
    return { workers, url, api, bare };
  } catch (error) {
    const complaints = workers.complaints();
    await workers.stop();
    throw new Error(`the service could not be prepared\n${complaints}`, { cause: error });
  }
}
