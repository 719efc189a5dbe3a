/** Users of the rig: each from an address of his own, so that nobody meets another's limits. */
import { randomInt } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import sharp from "sharp";
import type { SmsIrFake } from "../../src/providers/sms/smsir-fake.ts";
import { newPhone } from "../api-client.ts";

const PASSWORD = "seven-lamps-of-architecture";
const SMS_TIMEOUT_MS = 10_000;

/** Bodies that went over the wire. */
export interface Traffic {
  bytesIn: number;
  bytesOut: number;
}

export interface Output {
  readonly url: string;
  readonly thumbnailUrl: string;
}

interface Answer {
  readonly id: string;
  readonly accessToken: string;
  readonly refreshToken: string;
  readonly challengeId: string;
  readonly verificationToken: string;
  readonly status: string;
  readonly output: Output | null;
}

/** Somebody with a phone, an address and, once he has signed up, a session. */
export class Person {
  readonly traffic: Traffic = { bytesIn: 0, bytesOut: 0 };
  readonly #url: string;
  readonly #sms: SmsIrFake;
  readonly #phone = newPhone();
  readonly #address = `10.${randomInt(256)}.${randomInt(256)}.${randomInt(256)}`;
  #session: Pick<Answer, "accessToken" | "refreshToken"> | null = null;

  constructor(url: string, sms: SmsIrFake) {
    this.#url = url;
    this.#sms = sms;
  }

  /** @throws {Error} on any status of 400 and above. */
  async ask(method: string, path: string, body: object | FormData | null = null): Promise<Answer> {
    const bytes = await this.fetch(method, path, body);
    return bytes.byteLength === 0 ? ({} as Answer) : JSON.parse(new TextDecoder().decode(bytes));
  }

  /** The bytes of an answer. @throws {Error} on any status of 400 and above. */
  async fetch(method: string, path: string, body: object | FormData | null = null): Promise<Uint8Array> {
    const headers = new Headers({ "CF-Connecting-IP": this.#address, "User-Agent": "cost" });
    if (this.#session !== null) headers.set("Authorization", `Bearer ${this.#session.accessToken}`);
    if (body !== null && !(body instanceof FormData)) headers.set("Content-Type", "application/json");
    const sent = body === null || body instanceof FormData ? body : JSON.stringify(body);
    const request = new Request(new URL(path, this.#url), { method, headers, body: sent });
    this.traffic.bytesIn += (await request.clone().arrayBuffer()).byteLength;
    const response = await fetch(request);
    const bytes = new Uint8Array(await response.arrayBuffer());
    this.traffic.bytesOut += bytes.byteLength;
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${new TextDecoder().decode(bytes)}`);
    return bytes;
  }

  async signUp(): Promise<void> {
    const purpose = "register";
    const { challengeId } = await this.ask("POST", "/api/auth/send-otp", { phone: this.#phone, purpose });
    const proof = { phone: this.#phone, purpose, challengeId, code: await this.#code() };
    const { verificationToken } = await this.ask("POST", "/api/auth/verify-otp", proof);
    this.#session = await this.ask("POST", "/api/auth/register", { verificationToken, password: PASSWORD });
  }

  async #code(): Promise<string> {
    for (const deadline = Date.now() + SMS_TIMEOUT_MS; Date.now() < deadline; await sleep(20)) {
      const sms = this.#sms.calls.find(({ mobile }) => mobile.slice(-9) === this.#phone.slice(-9));
      if (sms !== undefined) return sms.code;
    }
    throw new Error("no code came by SMS");
  }

  async login(): Promise<void> {
    this.#session = await this.ask("POST", "/api/auth/login", { phone: this.#phone, password: PASSWORD });
  }

  async refresh(): Promise<void> {
    this.#session = await this.ask("POST", "/api/auth/refresh", { refreshToken: this.#session?.refreshToken });
  }

  async upload(picture: Uint8Array<ArrayBuffer>): Promise<string> {
    const form = new FormData();
    form.set("kind", "person");
    form.set("file", new Blob([picture]), "person.jpg");
    return (await this.ask("POST", "/api/images", form)).id;
  }

  async convert(personImageId: string, provider: string): Promise<string> {
    const wanted = { kind: "style", personImageId, stylePreset: "watercolor", provider };
    return (await this.ask("POST", "/api/conversions", wanted)).id;
  }

  conversion(id: string): Promise<Answer> {
    return this.ask("GET", `/api/conversions/${id}`);
  }
}

/** A photo as a JPEG; the grain of a camera makes it as large as one. */
export async function photo(sample: string, width: number, height: number): Promise<Uint8Array<ArrayBuffer>> {
  const noise = { type: "gaussian", mean: 128, sigma: 12 } as const;
  const grain = await sharp({ create: { width, height, channels: 3, background: "#808080", noise } })
    .png()
    .toBuffer();
  const picture = sharp(sample).removeAlpha().resize(width, height, { fit: "cover" });
  return new Uint8Array(
    await picture
      .composite([{ input: grain, blend: "soft-light" }])
      .jpeg({ quality: 85 })
      .toBuffer(),
  );
}
