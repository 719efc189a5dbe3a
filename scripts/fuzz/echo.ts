/** Whether what was accepted comes back as it was sent. */
import type { Exchange } from "./check.ts";

/** Where the answer shows a field of the request: under its own name unless told. */
const PLACES: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  createConversion: {
    kind: "kind",
    title: "title",
    metadata: "metadata",
    personImageId: "input.personImageId",
    garmentImageId: "input.garmentImageId",
    styleImageId: "input.styleImageId",
    stylePreset: "input.stylePreset",
    category: "input.category",
    seed: "input.seed",
    outputFormat: "input.outputFormat",
    fallback: "input.fallback",
    provider: "provider.requested",
  },
  updateConversion: { title: "title", metadata: "metadata", favorite: "favorite" },
  updateMe: { name: "name", bio: "bio", locale: "locale" },
  register: { name: "user.name", role: "user.role" },
  setRole: { role: "role" },
  grantQuota: { units: "units", reason: "reason" },
  forceCircuit: { state: "force" },
};

function at(value: unknown, path: string): unknown {
  return path.split(".").reduce<unknown>((part, key) => (part as Record<string, unknown> | null)?.[key], value);
}

/** Texts are trimmed. */
function normal(value: unknown): string | undefined {
  return typeof value === "string" ? JSON.stringify(value.trim()) : JSON.stringify(value);
}

export function echoProblems({ endpoint, request, sent, answer }: Exchange): string[] {
  const places = PLACES[endpoint.id];
  if (places === undefined || request.body?.kind !== "json" || sent.body === null || request.method === "HEAD")
    return [];
  const isReplayed = answer.headers["idempotency-replayed"] === "true";
  if (isReplayed) return [];
  const asked = JSON.parse(sent.body.toString()) as Record<string, unknown>;
  const shown = JSON.parse(answer.body.toString()) as unknown;
  return Object.entries(places).flatMap(([name, path]) => {
    if (!Object.hasOwn(asked, name)) return [];
    const [is, was] = [normal(at(shown, path)), normal(asked[name])];
    return is === was ? [] : [`${name} was sent as ${was} and comes back as ${is}`];
  });
}
