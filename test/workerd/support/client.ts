import { exports } from "cloudflare:workers";
import { expect } from "vitest";
import { watch } from "./watched-log.ts";

export const ORIGIN = "http://api.test";
export const PASSWORD = "plain rhubarb 7 wagons";

export interface ApiOptions {
  /** POST when there is a body, GET otherwise. */
  readonly method?: string;
  /** Sent as the bearer token. */
  readonly token?: string;
  /** Sent as a JSON body. */
  readonly json?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: BodyInit;
}

/** The request {@link api} sends, for apps made with another environment. */
export function apiRequest(path: string, options: ApiOptions = {}): Request {
  const headers = new Headers({ "CF-Connecting-IP": randomIp() });
  if (options.token !== undefined) headers.set("Authorization", `Bearer ${options.token}`);
  if (options.json !== undefined) headers.set("Content-Type", "application/json");
  for (const [name, value] of Object.entries(options.headers ?? {})) headers.set(name, value);
  const body = options.json === undefined ? options.body : JSON.stringify(options.json);
  watch.addBody(options.json);
  const method = options.method ?? (body === undefined ? "GET" : "POST");
  return new Request(new URL(path, ORIGIN), { method, headers, ...(body === undefined ? {} : { body }) });
}

/** One request to the Worker under test. Each call comes from an address of its own unless `headers` says otherwise. */
export async function api(path: string, options: ApiOptions = {}): Promise<Response> {
  return watched(await exports.default.fetch(apiRequest(path, options)));
}

/** Remembers what the answer tells that no log may repeat. */
export async function watched(response: Response): Promise<Response> {
  const isJson = response.headers.get("Content-Type")?.startsWith("application/json");
  if (isJson && !response.bodyUsed && response.status < 300) watch.addBody(await response.clone().text());
  return response;
}

export function randomIp(): string {
  const [a, b, c] = crypto.getRandomValues(new Uint8Array(3)) as unknown as [number, number, number];
  return `10.${a}.${b}.${c}`;
}

/** A random valid Iranian mobile number, E.164. */
export function newPhone(): string {
  const digits = [...crypto.getRandomValues(new Uint8Array(7))].map((byte) => byte % 10).join("");
  return `+98912${digits}`;
}

export type Purpose = "register" | "login" | "password_reset";

export interface User {
  readonly id: string;
  readonly phone: string;
  readonly name: string | null;
  readonly bio: string | null;
  readonly locale: string | null;
  readonly role: "user" | "vendor" | "admin";
  readonly createdAt: string;
  readonly updatedAt: string;
}

export interface Session {
  readonly user: User;
  readonly accessToken: string;
  readonly tokenType: "Bearer";
  readonly expiresIn: number;
  readonly refreshToken: string;
  readonly refreshExpiresIn: number;
  readonly sessionId: string;
}

/** The messages the development provider kept for a phone, newest first. */
export async function inbox(phone: string): Promise<readonly { to: string; text: string; code: string }[]> {
  const response = await api(`/api/dev/sms?phone=${encodeURIComponent(phone)}`);
  expect(response.status).toBe(200);
  return ((await response.json()) as { items: { to: string; text: string; code: string }[] }).items;
}

/** Asks for a code. `code` is null when no message was sent. */
export async function sendCode(phone: string, purpose: Purpose = "register") {
  const before = (await inbox(phone)).length;
  const response = await api("/api/auth/send-otp", { json: { phone, purpose } });
  expect(response.status).toBe(202);
  const { challengeId } = (await response.json()) as { challengeId: string };
  const messages = await inbox(phone);
  return { challengeId, code: messages.length > before ? (messages[0]?.code ?? null) : null };
}

/** Sends and verifies a code. */
export async function verifiedPhone(phone: string, purpose: Purpose = "register"): Promise<string> {
  const { challengeId, code } = await sendCode(phone, purpose);
  const response = await api("/api/auth/verify-otp", { json: { phone, purpose, challengeId, code } });
  expect(response.status).toBe(200);
  return ((await response.json()) as { verificationToken: string }).verificationToken;
}

export interface SignedUp extends Session {
  /** The access token, for `api`. */
  readonly token: string;
  readonly userId: string;
  readonly phone: string;
  readonly password: string;
}

/** A new user with a session, made through the API as a client would. */
export async function signUp(fields: { name?: string; role?: "user" | "vendor" } = {}): Promise<SignedUp> {
  const phone = newPhone();
  const verificationToken = await verifiedPhone(phone);
  const response = await api("/api/auth/register", { json: { verificationToken, password: PASSWORD, ...fields } });
  expect(response.status).toBe(201);
  const session = (await response.json()) as Session;
  return { ...session, token: session.accessToken, userId: session.user.id, phone, password: PASSWORD };
}
