import { type HttpFake, jsonAnswer, startHttpFake, type WireAnswer, type WireRequest } from "../http-fake.ts";

export interface SmsIrCall {
  readonly mobile: string;
  readonly code: string;
  readonly templateId: number;
  readonly messageId: number;
}

/** Either what goes over the wire, or one of sms.ir's codes, under the HTTP status that sms.ir gives it. */
export type SmsIrAnswer = WireAnswer | { readonly code: number; readonly retryAfterSeconds?: number };

export interface SmsIrFakeOptions {
  readonly port?: number;
  readonly apiKey?: string;
  readonly templateId?: number;
}

export interface SmsIrFake extends HttpFake {
  readonly apiKey: string;
  readonly templateId: number;
  /** The accepted messages, oldest first. */
  readonly calls: readonly SmsIrCall[];
  /** How many requests came, accepted or not. */
  attempts(): number;
  /** The answers to the next good requests, one each; a bad request gets the API's own error. */
  script(...answers: readonly SmsIrAnswer[]): void;
}

const AUTH_CODES = [10, 11, 12, 13, 14];
const TOO_MANY_REQUESTS = 20;
const VALUE_LENGTH = 25;

function envelope(code: number, retryAfterSeconds?: number): WireAnswer {
  const status = code === 0 ? 500 : AUTH_CODES.includes(code) ? 401 : code === TOO_MANY_REQUESTS ? 429 : 400;
  const headers = retryAfterSeconds === undefined ? {} : { "Retry-After": String(retryAfterSeconds) };
  return jsonAnswer(status, { status: code, message: "درخواست شما با خطا مواجه شده است", data: null }, headers);
}

/** ASP.NET's own error, before sms.ir's code is reached. */
function problem(status: number, title: string): WireAnswer {
  return jsonAnswer(status, { type: "https://tools.ietf.org/html/rfc9110", title, status, traceId: "00-0-0-00" });
}

/** A string of `record`, its name in any case, as sms.ir reads JSON. */
function field(record: unknown, name: string): unknown {
  if (typeof record !== "object" || record === null) return undefined;
  return Object.entries(record).find(([key]) => key.toLowerCase() === name.toLowerCase())?.[1];
}

function checkHead({ method, path, headers }: WireRequest, apiKey: string): WireAnswer | null {
  if (path !== "/v1/send/verify") return { status: 404, body: "" };
  if (method !== "POST") return { status: 405, headers: { Allow: "POST" }, body: "" };
  if (headers["x-api-key"] !== apiKey) return envelope(10);
  if (!/^application\/json(;|$)/i.test(headers["content-type"] ?? "")) return problem(415, "Unsupported Media Type");
  return null;
}

function checkParameters(parameters: unknown): { readonly code: string } | WireAnswer {
  if (!Array.isArray(parameters)) return problem(400, "One or more validation errors occurred.");
  for (const parameter of parameters) {
    const name = field(parameter, "name");
    const value = field(parameter, "value");
    if (typeof name !== "string" || name === "") return envelope(116);
    if (typeof value !== "string" || value === "") return envelope(16);
    if (value.length > VALUE_LENGTH) return envelope(114);
  }
  const code: unknown = field(
    parameters.find((parameter) => String(field(parameter, "name")).toLowerCase() === "code"),
    "value",
  );
  return typeof code === "string" ? { code } : envelope(116);
}

function checkBody(body: string, templateId: number): Omit<SmsIrCall, "messageId"> | WireAnswer {
  let json: unknown;
  try {
    json = JSON.parse(body);
  } catch {
    return problem(400, "One or more validation errors occurred.");
  }
  const mobile = field(json, "mobile");
  const template = field(json, "templateId");
  if (typeof mobile !== "string" || !Number.isInteger(template)) {
    return problem(400, "One or more validation errors occurred.");
  }
  if (!/^(0|98|0098|\+98)?9\d{9}$/.test(mobile)) return envelope(104);
  if (template !== templateId) return envelope(113);
  const checked = checkParameters(field(json, "parameters"));
  return typeof checked === "object" && "code" in checked ? { mobile, templateId, code: checked.code } : checked;
}

/** sms.ir's `POST /v1/send/verify`, which checks what it gets as the real one does and keeps the messages. */
export async function startSmsIrFake(options: SmsIrFakeOptions = {}): Promise<SmsIrFake> {
  const { port = 0, apiKey = "smsir-fake-key", templateId = 100_000 } = options;
  const calls: SmsIrCall[] = [];
  const scripted: SmsIrAnswer[] = [];
  let attempts = 0;
  const server = await startHttpFake(port, (request) => {
    attempts++;
    const refused = checkHead(request, apiKey);
    if (refused !== null) return refused;
    const message = checkBody(request.body, templateId);
    if (typeof message !== "object" || !("mobile" in message)) return message;
    const answer = scripted.shift();
    if (typeof answer === "object" && "code" in answer) return envelope(answer.code, answer.retryAfterSeconds);
    if (answer !== undefined) return answer;
    const messageId = 89_545_112 + calls.length;
    calls.push({ ...message, messageId });
    return jsonAnswer(200, { status: 1, message: "موفق", data: { messageId, cost: 1.0 } });
  });
  return {
    ...server,
    apiKey,
    templateId,
    calls,
    attempts: () => attempts,
    script: (...answers) => void scripted.push(...answers),
  };
}
