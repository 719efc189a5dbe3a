/**
 * The entity tags that an `If-Match` lists (RFC 9110 §13.1.1); null where any will do. Weak ones count as strong: the
 * network in front of Workers weakens the tag of whatever it compresses, and a tag here names a version, not bytes.
 */
export function listedTags(ifMatch: string | null): readonly string[] | null {
  if (ifMatch === null || ifMatch.trim() === "*") return null;
  return ifMatch.split(",").map((tag) => tag.trim().replace(/^W\//, ""));
}
