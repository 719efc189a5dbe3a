import { AppError } from "../kernel/app-error.ts";
import { fromBase64Url, toBase64Url, utf8 } from "../kernel/encoding.ts";
import type { Keyring } from "../kernel/keyring.ts";

/**
 * An opaque cursor: the key after which the next page starts, and a MAC over it and the `scope` (list, owner and
 * filters). So a cursor can't be edited, used with other filters, or used by another account.
 */
export async function encodeCursor(keyring: Keyring, scope: readonly string[], key: string): Promise<string> {
  const mac = await keyring.mac("cursor", [...scope, key]);
  return toBase64Url(utf8(JSON.stringify([key, mac])));
}

/** @throws {AppError} `invalid_cursor` for a cursor that was not issued for this scope. */
export async function decodeCursor(keyring: Keyring, scope: readonly string[], cursor: string): Promise<string> {
  const [key, mac] = parse(cursor);
  if (key === null || mac === null || !(await keyring.verify("cursor", [...scope, key], mac))) {
    throw new AppError("invalid_cursor");
  }
  return key;
}

function parse(cursor: string): [string | null, string | null] {
  const bytes = fromBase64Url(cursor);
  try {
    if (bytes === null || toBase64Url(bytes) !== cursor) return [null, null];
    const value: unknown = JSON.parse(new TextDecoder().decode(bytes));
    if (Array.isArray(value) && typeof value[0] === "string" && typeof value[1] === "string")
      return [value[0], value[1]];
  } catch {
    // Falls through: what can't be parsed was not issued.
  }
  return [null, null];
}
