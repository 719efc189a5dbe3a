/** What to do next with what an answer names: by operation, field of the answer, and the operations that take it. */
import type { Link, Operation } from "./types.ts";

interface Source {
  /** A JSON pointer into the answer. */
  readonly field: string;
  /** Parameter of the target. */
  readonly parameter: string;
  readonly targets: readonly string[];
}

const conversion: Source = {
  field: "/id",
  parameter: "id",
  targets: ["getConversion", "updateConversion", "cancelConversion", "retryConversion", "deleteConversion"],
};
const firstUser: Source = {
  field: "/items/0/id",
  parameter: "id",
  targets: ["getUser", "setRole", "approveUser", "disableUser", "enableUser", "endSessions", "grantQuota"],
};
const session: Source = { field: "/sessionId", parameter: "id", targets: ["revokeSession"] };

const SOURCES: Readonly<Record<string, readonly Source[]>> = {
  uploadImage: [{ field: "/id", parameter: "id", targets: ["getImage", "getImageContent", "deleteImage"] }],
  createConversion: [conversion],
  retryConversion: [conversion],
  register: [session],
  login: [session],
  listSessions: [{ field: "/items/0/id", parameter: "id", targets: ["revokeSession"] }],
  listUsers: [firstUser],
  listCircuits: [{ field: "/items/0/circuit", parameter: "circuit", targets: ["forceCircuit"] }],
  listDeadLetters: [{ field: "/items/0/id", parameter: "id", targets: ["replayDeadLetter"] }],
  replayDeadLetter: [{ field: "/conversionId", parameter: "id", targets: ["listProviderCalls"] }],
};

/** The links of an operation's good answers; undefined where nothing follows. */
export function linksOf({ operationId }: Operation): Readonly<Record<string, Link>> | undefined {
  const sources = SOURCES[operationId];
  if (sources === undefined) return undefined;
  const links = sources.flatMap(({ field, parameter, targets }) =>
    targets.map((target) => {
      const link = { operationId: target, parameters: { [parameter]: `$response.body#${field}` } };
      return [target, link] as const;
    }),
  );
  return Object.fromEntries(links);
}
