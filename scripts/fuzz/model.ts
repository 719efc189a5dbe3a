/** What must be so after a sequence of steps, kept beside the service; and the steps that try it. */
import { ApiClient, ApiError, type Conversion, type Usage } from "../api-client.ts";
import type { Account } from "./accounts.ts";
import type { World } from "./world.ts";

export type StepName =
  | "upload"
  | "create"
  | "createTwice"
  | "cancel"
  | "retry"
  | "rename"
  | "staleRename"
  | "deleteConversion"
  | "deleteImage"
  | "look"
  | "lookAsOther"
  | "logout"
  | "deleteMe";

export interface Step {
  readonly name: StepName;
  /** Which of the things there are. */
  readonly at: number;
}

/** Something is not as the model says. */
export class Broken extends Error {
  override readonly name = "Broken";
}

interface Thing {
  readonly id: string;
  deleted: boolean;
}

interface Job extends Thing {
  title: string | null;
  /** Known to have been canceled; otherwise it may have ended by itself. */
  canceled: boolean;
  readonly imageId: string;
}

const ENDED: ReadonlySet<string> = new Set(["succeeded", "failed", "canceled", "expired"]);

/** One user's life, and another's who has no business there. */
export class Life {
  readonly #world: World;
  readonly #account: Account;
  readonly #other: ApiClient;
  #client: ApiClient;
  readonly #images: Thing[] = [];
  readonly #jobs: Job[] = [];
  #over = false;
  #keys = 0;

  private constructor(world: World, account: Account, other: ApiClient) {
    this.#world = world;
    this.#account = account;
    this.#other = other;
    this.#client = new ApiClient(world.service.url, account.accessToken);
  }

  static async begin(world: World): Promise<Life> {
    return new Life(world, await world.accounts.signUp(), await world.client("other"));
  }

  /** Takes one step. @throws {Broken} when the service does something else than the model. */
  async take({ name, at }: Step): Promise<void> {
    if (this.#over) return this.#expectClosed();
    await STEPS[name](this, at);
  }

  /** What has to be so at any time. */
  async verify(): Promise<void> {
    if (this.#over) return this.#expectClosed();
    await this.#listed("/api/images", this.#images);
    await this.#listed("/api/conversions", this.#jobs);
    const { conversions } = await this.#client.call<Usage>("GET", "/api/users/me/usage");
    const { limit, used, reserved, remaining } = conversions;
    this.must(
      used + reserved + remaining === limit,
      `used ${used} + reserved ${reserved} + remaining ${remaining} ≠ ${limit}`,
    );
    this.must(used + reserved <= this.#jobs.length, `${used + reserved} units for ${this.#jobs.length} conversions`);
  }

  must(isSo: boolean, otherwise: string): void {
    if (!isSo) throw new Broken(otherwise);
  }

  async #listed(path: string, things: readonly Thing[]): Promise<void> {
    const { items } = await this.#client.call<{ items: { id: string }[] }>("GET", `${path}?limit=100`);
    const listed = items.map(({ id }) => id).sort();
    const due = things
      .filter(({ deleted }) => !deleted)
      .map(({ id }) => id)
      .sort();
    this.must(JSON.stringify(listed) === JSON.stringify(due), `${path} lists ${listed}, not ${due}`);
  }

  /** The status of a call, and what it answered when that was good. */
  async ask<T>(
    method: string,
    path: string,
    options: { json?: unknown; headers?: Record<string, string>; as?: ApiClient } = {},
  ) {
    const own = new ApiClient(this.#world.service.url, this.#account.accessToken, options.headers);
    try {
      const call = options.json === undefined ? {} : { json: options.json };
      return { status: 200, body: await (options.as ?? own).call<T>(method, path, call) };
    } catch (error) {
      if (!(error instanceof ApiError)) throw error;
      return { status: error.status, body: null };
    }
  }

  async expect(status: number, method: string, path: string, options: Parameters<Life["ask"]>[2] = {}): Promise<void> {
    const answer = await this.ask(method, path, options);
    this.must(answer.status === status, `${method} ${path} answered ${answer.status}, not ${status}`);
  }

  async #expectClosed(): Promise<void> {
    await this.expect(401, "GET", "/api/users/me");
    for (const { id } of this.#images.slice(0, 2)) await this.expect(401, "GET", `/api/images/${id}`);
  }

  image(at: number): Thing | undefined {
    return this.#images[at % Math.max(1, this.#images.length)];
  }

  job(at: number): Job | undefined {
    return this.#jobs[at % Math.max(1, this.#jobs.length)];
  }

  async upload(at: number): Promise<void> {
    const kind = (["person", "garment", "style"] as const)[at % 3] ?? "person";
    const { id } = await this.#world.upload(this.#client, kind);
    this.#images.push({ id, deleted: false });
  }

  async create(at: number, repeat: boolean): Promise<void> {
    const image = this.image(at);
    if (image === undefined) return;
    const json = { kind: "style", personImageId: image.id, stylePreset: "ink", title: `job ${at}` };
    const headers = { "Idempotency-Key": `key-${this.#keys++}` };
    const first = await this.ask<Conversion>("POST", "/api/conversions", { json, headers });
    this.must(
      first.status === (image.deleted ? 404 : 200),
      `creating of ${image.deleted ? "a deleted" : "an"} image: ${first.status}`,
    );
    if (first.body === null) return;
    this.#jobs.push({ id: first.body.id, deleted: false, title: json.title, canceled: false, imageId: image.id });
    if (!repeat) return;
    const second = await this.ask<Conversion>("POST", "/api/conversions", { json, headers });
    this.must(second.body?.id === first.body.id, "the same key made another conversion");
    await this.expect(422, "POST", "/api/conversions", { json: { ...json, title: "another" }, headers });
  }

  async cancel(at: number): Promise<void> {
    const job = this.job(at);
    if (job === undefined) return;
    const { status, body } = await this.ask<Conversion>("POST", `/api/conversions/${job.id}/cancel`);
    const due = job.deleted ? [404] : job.canceled ? [409] : [200, 409];
    this.must(due.includes(status), `canceling answered ${status}, not ${due}`);
    if (body === null) return;
    this.must(body.status === "canceled", `the canceled conversion is ${body.status}`);
    job.canceled = true;
  }

  async retry(at: number): Promise<void> {
    const job = this.job(at);
    if (job === undefined) return;
    const imageGone = this.#images.find(({ id }) => id === job.imageId)?.deleted === true;
    const { status, body } = await this.ask<Conversion & { retryOf: string }>(
      "POST",
      `/api/conversions/${job.id}/retry`,
    );
    const due = job.deleted ? [404] : !job.canceled ? [409] : imageGone ? [404] : [200];
    this.must(due.includes(status), `retrying answered ${status}, not ${due}`);
    if (body === null) return;
    this.must(body.retryOf === job.id, "retryOf names another conversion");
    this.#jobs.push({ id: body.id, deleted: false, title: job.title, canceled: false, imageId: job.imageId });
  }

  async rename(at: number, stale: boolean): Promise<void> {
    const job = this.job(at);
    if (job === undefined) return;
    const title = `name ${at}`;
    const headers = stale ? { "If-Match": '"v0"' } : {};
    const { status, body } = await this.ask<{ title: string }>("PUT", `/api/conversions/${job.id}`, {
      json: { title },
      headers,
    });
    const due = job.deleted ? 404 : stale ? 412 : 200;
    this.must(status === due, `renaming answered ${status}, not ${due}`);
    if (body === null) return;
    this.must(body.title === title, `the title is ${body.title}`);
    job.title = title;
  }

  async deleteConversion(at: number): Promise<void> {
    const job = this.job(at);
    if (job === undefined) return;
    await this.expect(job.deleted ? 404 : 200, "DELETE", `/api/conversions/${job.id}`);
    job.deleted = true;
    await this.expect(404, "GET", `/api/conversions/${job.id}`);
  }

  async deleteImage(at: number): Promise<void> {
    const image = this.image(at);
    if (image === undefined) return;
    const { status } = await this.ask("DELETE", `/api/images/${image.id}`);
    const mayRun = this.#jobs.some((job) => job.imageId === image.id && !job.canceled && !job.deleted);
    const due = image.deleted ? [404] : mayRun ? [200, 409] : [200];
    this.must(due.includes(status), `deleting the image answered ${status}, not ${due}`);
    if (status === 200) image.deleted = true;
    await this.expect(image.deleted ? 404 : 200, "GET", `/api/images/${image.id}`);
  }

  async look(at: number): Promise<void> {
    const job = this.job(at);
    if (job === undefined) return;
    const { status, body } = await this.ask<Conversion & { title: string | null }>("GET", `/api/conversions/${job.id}`);
    this.must(status === (job.deleted ? 404 : 200), `reading answered ${status}`);
    if (body === null) return;
    this.must(body.title === job.title, `the title is ${body.title}, not ${job.title}`);
    this.must(!job.canceled || body.status === "canceled", `the canceled conversion is ${body.status}`);
    this.must(
      ENDED.has(body.status) === (body.completedAt !== null),
      `${body.status} with completedAt ${body.completedAt}`,
    );
    this.must((body.status === "succeeded") === (body.output !== null), `${body.status} with output ${body.output}`);
  }

  async lookAsOther(at: number): Promise<void> {
    const [job, image] = [this.job(at), this.image(at)];
    const as = this.#other;
    if (image) await this.expect(404, "GET", `/api/images/${image.id}`, { as });
    if (image) await this.expect(404, "DELETE", `/api/images/${image.id}`, { as });
    if (job) await this.expect(404, "POST", `/api/conversions/${job.id}/cancel`, { as });
    if (job) await this.expect(404, "PUT", `/api/conversions/${job.id}`, { as, json: { title: "theirs" } });
  }

  async end(path: "/api/auth/logout" | "/api/users/me"): Promise<void> {
    await this.expect(200, path === "/api/users/me" ? "DELETE" : "POST", path);
    this.#over = true;
    await this.#expectClosed();
  }
}

const STEPS: Readonly<Record<StepName, (life: Life, at: number) => Promise<void>>> = {
  upload: (life, at) => life.upload(at),
  create: (life, at) => life.create(at, false),
  createTwice: (life, at) => life.create(at, true),
  cancel: (life, at) => life.cancel(at),
  retry: (life, at) => life.retry(at),
  rename: (life, at) => life.rename(at, false),
  staleRename: (life, at) => life.rename(at, true),
  deleteConversion: (life, at) => life.deleteConversion(at),
  deleteImage: (life, at) => life.deleteImage(at),
  look: (life, at) => life.look(at),
  lookAsOther: (life, at) => life.lookAsOther(at),
  logout: (life) => life.end("/api/auth/logout"),
  deleteMe: (life) => life.end("/api/users/me"),
};
