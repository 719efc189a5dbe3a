/** The users of a crash drill: they sign up, upload and convert, and repeat whatever a crash cuts off. */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { ApiClient, ApiError, newPhone } from "../api-client.ts";
import { ROOT } from "../stack-env.ts";
import type { Job } from "./plan.ts";
import type { DrillService } from "./service.ts";

const CALL_MS = 60_000;
/** An answer of 5xx is asked for again, but not for ever. */
const MAX_REFUSALS = 20;
const FILES = { person: "person-astronaut.png", garment: "garment-tshirt.png", style: "style-hubble.jpg" } as const;

type Role = keyof typeof FILES;
export type Call = "sign-up" | "upload" | "create";
export type Calls = Readonly<Record<Call, number>>;

export interface DrillUser {
  readonly id: string;
  readonly token: string;
  readonly images: Readonly<Record<Role, string>>;
}

export interface Created {
  readonly job: Job;
  readonly userId: string;
  readonly id: string;
  /** It had been created by a request whose answer was lost. */
  readonly replayed: boolean;
}

const sample = (role: Role) => join(ROOT, "samples", FILES[role]);
const none = (): Record<Call, number> => ({ "sign-up": 0, upload: 0, create: 0 });

/** No answer came: the connection was refused, reset or cut in the middle. Only fetch's TypeErrors have a cause. */
function isLost(error: unknown): boolean {
  if (error instanceof DOMException) return error.name === "TimeoutError";
  return error instanceof TypeError && error.cause !== undefined;
}

function codeOf({ problem }: ApiError): string {
  return String((problem as { code?: unknown } | null)?.code ?? "");
}

export class DrillLoad {
  readonly created: Created[] = [];
  /** Calls that wait for their answer. */
  readonly inFlight = none();
  /** Calls that were cut off. */
  readonly lost = none();
  /** What was answered with 5xx. */
  readonly refusals: string[] = [];
  readonly #service: DrillService;
  readonly #users = new Map<number, Promise<DrillUser>>();

  constructor(service: DrillService) {
    this.#service = service;
  }

  /** Creates every conversion, each once, at its time. */
  async run(jobs: readonly Job[]): Promise<void> {
    await Promise.all(jobs.map((job) => this.#do(job)));
  }

  users(): Promise<DrillUser[]> {
    return Promise.all(this.#users.values());
  }

  async #do(job: Job): Promise<void> {
    await this.#service.untilUptime(job.atUptimeMs);
    const joining = this.#users.get(job.user) ?? this.#join();
    this.#users.set(job.user, joining);
    const user = await joining;
    const request = await this.#request(job, user);
    const answer = await this.#insist("create", (url) => create(url, user.token, job, request()));
    this.created.push({ job, userId: user.id, ...answer });
  }

  async #join(): Promise<DrillUser> {
    // A phone whose registration was cut off may have an account by now: the next try takes another.
    const session = await this.#insist("sign-up", (url) => new ApiClient(url).signUp(newPhone()));
    const token = session.accessToken;
    const upload = (role: Role) => this.#upload(token, role);
    const [person, garment, style] = await Promise.all([upload("person"), upload("garment"), upload("style")]);
    return { id: session.user.id, token, images: { person, garment, style } };
  }

  async #upload(token: string, role: Role): Promise<string> {
    const image = await this.#insist("upload", (url) => new ApiClient(url, token).upload(sample(role), role));
    return image.id;
  }

  /** Makes the body of a create, the same for every repeat. */
  async #request(job: Job, { token, images }: DrillUser): Promise<() => FormData | string> {
    const second: Role | null = job.kind === "tryon" ? "garment" : job.look === "picture" ? "style" : null;
    const fields = { kind: job.kind, ...(second === null ? { stylePreset: job.look } : {}) };
    if (job.via === "multipart") {
      const roles: Role[] = second === null ? ["person"] : ["person", second];
      const files = await Promise.all(
        roles.map(async (role) => [role, new Blob([await readFile(sample(role))])] as const),
      );
      return () => {
        const form = new FormData();
        for (const [name, value] of Object.entries(fields)) form.set(name, value);
        for (const [role, blob] of files) form.set(role, blob, FILES[role]);
        return form;
      };
    }
    const personImageId = job.via === "fresh" ? await this.#upload(token, "person") : images.person;
    const ids = { personImageId, ...(second === null ? {} : { [`${second}ImageId`]: images[second] }) };
    return () => JSON.stringify({ ...fields, ...ids });
  }

  /** Repeats a call until it is answered, over as many crashes as that takes. */
  async #insist<T>(call: Call, attempt: (url: string) => Promise<T>): Promise<T> {
    let refusals = 0;
    for (;;) {
      const url = await this.#service.up();
      this.inFlight[call] += 1;
      try {
        return await attempt(url);
      } catch (error) {
        if (isLost(error)) this.lost[call] += 1;
        else if (!(error instanceof ApiError)) throw error;
        else if (error.status >= 500 && ++refusals <= MAX_REFUSALS) {
          this.refusals.push(`${error.message} ${codeOf(error)}`.trim());
        } else if (codeOf(error) !== "idempotency_in_flight") throw error;
      } finally {
        this.inFlight[call] -= 1;
      }
      await sleep(250);
    }
  }
}

async function create(url: string, token: string, job: Job, body: FormData | string) {
  const headers = new Headers({ Authorization: `Bearer ${token}`, "Idempotency-Key": job.key });
  if (typeof body === "string") headers.set("Content-Type", "application/json");
  if (job.waitSeconds > 0) headers.set("Prefer", `wait=${job.waitSeconds}`);
  const signal = AbortSignal.timeout(CALL_MS);
  const response = await fetch(new URL("/api/conversions", url), { method: "POST", headers, body, signal });
  const text = await response.text();
  const isJson = response.headers.get("Content-Type")?.includes("json") ?? false;
  const answer: unknown = isJson ? JSON.parse(text) : text;
  if (response.status >= 400) throw new ApiError("POST /api/conversions", response.status, answer);
  const { id } = answer as { id: string };
  return { id, replayed: response.headers.get("Idempotency-Replayed") === "true" };
}
