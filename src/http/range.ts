/** What a `Range` header asks for, of a resource of `size` bytes. */
export type RequestedRange =
  | { readonly kind: "all" }
  | { readonly kind: "part"; readonly offset: number; readonly length: number }
  | { readonly kind: "unsatisfiable" };

/** Reads one byte range (RFC 9110 §14); several ranges, other units and malformed ones are ignored, as the RFC allows. */
export function parseRange(header: string | undefined, size: number): RequestedRange {
  const match = /^bytes=(\d{0,15})-(\d{0,15})$/.exec(header?.trim() ?? "");
  if (!match || (match[1] === "" && match[2] === "")) return { kind: "all" };
  if (match[1] === "") {
    const length = Math.min(Number(match[2]), size);
    return length === 0 ? { kind: "unsatisfiable" } : { kind: "part", offset: size - length, length };
  }
  const offset = Number(match[1]);
  const last = match[2] === "" ? size - 1 : Math.min(Number(match[2]), size - 1);
  if (match[2] !== "" && Number(match[2]) < offset) return { kind: "all" };
  return offset >= size ? { kind: "unsatisfiable" } : { kind: "part", offset, length: last - offset + 1 };
}
