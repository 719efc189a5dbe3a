const MAX_BODY_BYTES = 65_536;

/** What a provider answered. */
export interface HttpAnswer {
  readonly httpStatus: number;
  readonly retryAfterMs: number | null;
  /** The JSON object of the body; null where the body is anything else, too big, or a redirect's. */
  readonly body: Readonly<Record<string, unknown>> | null;
}

async function readText(response: Response): Promise<string | null> {
  if (response.body === null) return null;
  const reader = response.body.getReader();
  const decoder = new TextDecoder();
  let text = "";
  let size = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return text + decoder.decode();
    size += value.byteLength;
    if (size > MAX_BODY_BYTES) {
      await reader.cancel();
      return null;
    }
    text += decoder.decode(value, { stream: true });
  }
}

function parseObject(text: string | null): HttpAnswer["body"] {
  try {
    const value: unknown = JSON.parse(text ?? "");
    return typeof value === "object" && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : null;
  } catch {
    return null;
  }
}

/** RFC 9110: seconds or a date. */
function parseRetryAfter(header: string | null): number | null {
  if (header === null) return null;
  if (/^\d{1,9}$/.test(header)) return Number(header) * 1000;
  const until = Date.parse(header);
  return Number.isNaN(until) ? null : Math.max(0, until - Date.now());
}

/** Reads a provider's response; rejects only when the connection fails meanwhile. */
export async function readAnswer(response: Response): Promise<HttpAnswer> {
  const retryAfterMs = parseRetryAfter(response.headers.get("Retry-After"));
  if (response.status >= 300 && response.status < 400) {
    await response.body?.cancel();
    return { httpStatus: response.status, retryAfterMs, body: null };
  }
  return { httpStatus: response.status, retryAfterMs, body: parseObject(await readText(response)) };
}
