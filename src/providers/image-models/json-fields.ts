/** Reading of JSON that others wrote: nothing is taken to be there, or to be of the type it should be. */
export type JsonRecord = Readonly<Record<string, unknown>>;

export function asRecord(value: unknown): JsonRecord | null {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as JsonRecord) : null;
}

/** The objects of a list; none where it is no list. */
export function asRecords(value: unknown): JsonRecord[] {
  return Array.isArray(value) ? value.map(asRecord).filter((record) => record !== null) : [];
}

/** `record`'s value under a name in camel case, or under the same name in snake case, which some gateways pass on. */
export function field(record: JsonRecord | null, name: string): unknown {
  if (record === null) return undefined;
  return record[name] ?? record[name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)];
}
