const MAX_LENGTH = 160;
/** Shorter ones are everyday words: taking them out would hide nothing and make the rest unreadable. */
const MIN_SECRET_LENGTH = 4;
/** What stands in quotation marks is a name or, where it is longer, something out of the request. */
const MAX_QUOTATION_LENGTH = 40;

function oneLine(text: string): string {
  return text.replace(/[\p{C}\s]+/gu, " ").trim();
}

/**
 * What a provider wrote, fit for a log: one line, cut short, without urls, long quotations and `secrets` (keys, the
 * user's own words), should it have repeated them.
 */
export function providerText(text: unknown, secrets: readonly (string | null)[]): string {
  if (typeof text !== "string") return "";
  let told = oneLine(text);
  for (const secret of secrets) {
    const known = oneLine(secret ?? "");
    if (known.length >= MIN_SECRET_LENGTH) told = told.replaceAll(known, "…");
  }
  return told
    .replace(/\bhttps?:\/\/\S+/gi, "…")
    .replace(/"([^"]*)("|$)/g, (whole, quoted: string) => (quoted.length > MAX_QUOTATION_LENGTH ? '"…"' : whole))
    .slice(0, MAX_LENGTH);
}
