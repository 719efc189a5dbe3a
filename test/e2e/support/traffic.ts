import { expect, vi } from "vitest";
import { ApiClient, type ApiError, type Image, newPhone } from "../../../scripts/api-client.ts";
import type { ConversionBody } from "../../../src/modules/conversions/schemas.ts";
import type { GeminiFake } from "../../../src/providers/gemini/fake.ts";
import { sample, type TestStack } from "./stack.ts";

/** The default of MAX_LOGIN_ATTEMPTS: more are denied. */
const MAX_LOGIN_ATTEMPTS = 5;
const WRONG_LOGINS = MAX_LOGIN_ATTEMPTS + 2;
/** As many as open a circuit, and some more. */
const SICK_JOBS = 6;

const SOON = { timeout: 30_000, interval: 100 };

/** What was done, to be found again in the counters. */
export interface Done {
  readonly registrations: number;
  readonly uploads: number;
  readonly styles: number;
  readonly tryons: number;
  readonly wrongLogins: number;
}

/** Some of everything that is counted, as users do it while Gemini is well, then ill, then well again. */
export class Traffic {
  readonly #stack: TestStack;
  readonly #gemini: GeminiFake;
  readonly #setSick: (isSick: boolean) => void;
  readonly #done = { registrations: 0, uploads: 0, styles: 0, tryons: 0, wrongLogins: 0 };

  /** `setSick` makes every call of the fake fail, or none. */
  constructor(stack: TestStack, gemini: GeminiFake, setSick: (isSick: boolean) => void) {
    this.#stack = stack;
    this.#gemini = gemini;
    this.#setSick = setSick;
  }

  get done(): Done {
    return this.#done;
  }

  async run(): Promise<void> {
    const client = await this.#signUp();
    const person = await this.#upload(client, "person-astronaut.png", "person");
    const garment = await this.#upload(client, "garment-tshirt.png", "garment");
    await this.#end(client, await this.#tryon(client, person, garment), "succeeded");
    await this.#end(client, await this.#style(client, person, { provider: "local" }), "succeeded");
    this.#gemini.script("finish:IMAGE_SAFETY");
    await this.#end(client, await this.#style(client, person), "failed");
    await this.#cancel(client, person);
    await this.#sickness(client, person);
    await this.#refused(404, client.call("GET", "/no/such/route"));
    await this.#refused(404, client.call("GET", "/api/conversions/no-such-conversion"));
    await this.#refused(401, new ApiClient(this.#stack.url).call("GET", "/api/images"));
    await client.call("GET", "/api/status");
  }

  async #signUp(): Promise<ApiClient> {
    const client = new ApiClient(this.#stack.url);
    const phone = newPhone();
    await client.signUp(phone);
    this.#done.registrations++;
    for (let i = 1; i <= WRONG_LOGINS; i++) {
      const login = client.call("POST", "/api/auth/login", { json: { phone, password: "no-such-password-at-all" } });
      await this.#refused(i > MAX_LOGIN_ATTEMPTS ? 429 : 401, login);
      this.#done.wrongLogins++;
    }
    return client;
  }

  async #upload(client: ApiClient, name: string, kind: "person" | "garment"): Promise<Image> {
    this.#done.uploads++;
    return client.upload(sample(name), kind);
  }

  async #create(client: ApiClient, json: Readonly<Record<string, unknown>>): Promise<ConversionBody> {
    return client.call<ConversionBody>("POST", "/api/conversions", { json });
  }

  async #tryon(client: ApiClient, person: Image, garment: Image): Promise<ConversionBody> {
    this.#done.tryons++;
    return this.#create(client, { kind: "tryon", personImageId: person.id, garmentImageId: garment.id });
  }

  async #style(
    client: ApiClient,
    person: Image,
    more: Readonly<Record<string, unknown>> = {},
  ): Promise<ConversionBody> {
    this.#done.styles++;
    return this.#create(client, { kind: "style", stylePreset: "oil", personImageId: person.id, ...more });
  }

  async #end(client: ApiClient, { id }: ConversionBody, status: string): Promise<void> {
    const ended = await client.waitFor(id, 60_000);
    expect(ended.status, this.#stack.logText()).toBe(status);
  }

  async #cancel(client: ApiClient, person: Image): Promise<void> {
    const asked = this.#gemini.calls.length;
    this.#gemini.script("slow-headers:60000");
    const slow = await this.#style(client, person);
    await vi.waitFor(() => expect(this.#gemini.calls.length).toBe(asked + 1), SOON);
    await client.call("POST", slow.urls.cancel);
    await this.#end(client, slow, "canceled");
  }

  /** A circuit that opens and closes again. */
  async #sickness(client: ApiClient, person: Image): Promise<void> {
    const { lines } = this.#stack;
    const told = lines.length;
    this.#setSick(true);
    const jobs = await Promise.all(Array.from({ length: SICK_JOBS }, () => this.#style(client, person)));
    const opened = () => lines.slice(told).some((line) => /alert[":=]+circuit_opened/.test(line));
    await vi.waitFor(() => expect(opened(), this.#stack.logText()).toBe(true), SOON);
    this.#setSick(false);
    for (const job of jobs) await this.#end(client, job, "succeeded");
  }

  async #refused(status: number, call: Promise<unknown>): Promise<void> {
    const error = await call.then(
      () => null,
      (thrown: ApiError) => thrown,
    );
    expect(error?.status, this.#stack.logText()).toBe(status);
  }
}
