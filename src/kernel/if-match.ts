/** The entity tags that an `If-Match` lists (RFC 9110 §13.1.1, by strong comparison); null where any will do. */
export function listedTags(ifMatch: string | null): readonly string[] | null {
  if (ifMatch === null || ifMatch.trim() === "*") return null;
  return ifMatch.split(",").map((tag) => tag.trim());
}
