/** What the fake account holds. The routes change it as Cloudflare would; tests may look at it and set it. */
import { randomUUID } from "node:crypto";

export interface FakeDatabase {
  readonly uuid: string;
  readonly name: string;
  readonly createdAt: string;
  /** Every statement it was sent, in order. */
  readonly statements: string[];
  /** Names of the files that `d1 migrations apply` recorded. */
  readonly migrations: string[];
}

export interface FakeBucket {
  readonly name: string;
  readonly createdAt: string;
  /** Keys of its objects. */
  readonly objects: Set<string>;
  lifecycle: readonly unknown[];
}

export interface FakeQueueConsumer {
  readonly id: string;
  readonly script: string;
  readonly settings: Readonly<Record<string, unknown>>;
  readonly deadLetterQueue: string | null;
}

export interface FakeQueue {
  readonly id: string;
  readonly name: string;
  readonly createdAt: string;
  consumer: FakeQueueConsumer | null;
}

/** One of a version's bindings, as it was uploaded. */
export interface FakeBinding {
  readonly type: string;
  readonly name: string;
  readonly [field: string]: unknown;
}

export interface FakeVersion {
  readonly id: string;
  readonly number: number;
  readonly createdAt: string;
  readonly annotations: Readonly<Record<string, string>>;
  readonly mainModule: string;
  readonly bindings: readonly FakeBinding[];
  /** Of its Durable Objects' classes, when it was uploaded: versions on two sides of a migration can't be mixed. */
  readonly migrationTag: string | null;
  /** Its metadata, as it was uploaded. */
  readonly metadata: Readonly<Record<string, unknown>>;
}

export interface FakeDeployment {
  readonly id: string;
  readonly createdAt: string;
  readonly annotations: Readonly<Record<string, string>>;
  readonly versions: readonly { readonly version_id: string; readonly percentage: number }[];
}

export interface FakeScript {
  readonly name: string;
  readonly createdAt: string;
  /** Oldest first. */
  readonly versions: FakeVersion[];
  /** Oldest first: the last is the one in force. */
  readonly deployments: FakeDeployment[];
  /** Of its Durable Objects' classes: the last that a deployment applied. */
  migrationTag: string | null;
  /** Its Durable Objects' classes. */
  readonly classes: Set<string>;
  readonly secrets: Map<string, string>;
  schedules: readonly string[];
  tailConsumers: readonly string[];
  subdomain: { enabled: boolean; previews: boolean };
  observability: unknown;
  /** `wrangler`, or `api` for every other caller. */
  lastDeployedFrom: string;
}

export interface FakeAccount {
  /** By name, all of them. */
  readonly databases: Map<string, FakeDatabase>;
  readonly buckets: Map<string, FakeBucket>;
  readonly queues: Map<string, FakeQueue>;
  readonly scripts: Map<string, FakeScript>;
  /** Of workers.dev; null as long as the account has none. */
  subdomain: string | null;
  /** Time as the account sees it. */
  now(): Date;
}

export function createFakeAccount(overrides: Partial<FakeAccount> = {}): FakeAccount {
  return {
    databases: new Map(),
    buckets: new Map(),
    queues: new Map(),
    scripts: new Map(),
    subdomain: "fake-account",
    now: () => new Date(),
    ...overrides,
  };
}

export function addDatabase(account: FakeAccount, name: string, uuid: string = randomUUID()): FakeDatabase {
  const createdAt = account.now().toISOString();
  const database: FakeDatabase = { uuid, name, createdAt, statements: [], migrations: [] };
  account.databases.set(name, database);
  return database;
}

export function addBucket(account: FakeAccount, name: string): FakeBucket {
  const bucket: FakeBucket = { name, createdAt: account.now().toISOString(), objects: new Set(), lifecycle: [] };
  account.buckets.set(name, bucket);
  return bucket;
}

export function addQueue(account: FakeAccount, name: string): FakeQueue {
  const id = randomUUID().replaceAll("-", "");
  const queue: FakeQueue = { id, name, createdAt: account.now().toISOString(), consumer: null };
  account.queues.set(name, queue);
  return queue;
}

/** Without a version, and not on the account yet. */
export function newScript(account: FakeAccount, name: string): FakeScript {
  return {
    name,
    createdAt: account.now().toISOString(),
    versions: [],
    deployments: [],
    migrationTag: null,
    classes: new Set(),
    secrets: new Map(),
    schedules: [],
    tailConsumers: [],
    subdomain: { enabled: false, previews: false },
    observability: null,
    lastDeployedFrom: "wrangler",
  };
}

/** The deployment in force. */
export function activeDeployment(script: FakeScript): FakeDeployment | undefined {
  return script.deployments.at(-1);
}
