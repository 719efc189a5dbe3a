const MAX_LENGTH = 160;
/** Shorter ones are everyday words: taking them out would hide nothing and make the rest unreadable. */
const MIN_SECRET_LENGTH = 4;

/**
 * What a provider wrote, fit for a log: one line, cut short, without urls and without `secrets` (keys, the user's own
 * words), should it have repeated them.
 */
export function providerText(text: unknown, secrets: readonly (string | null)[]): string {
  if (typeof text !== "string") return "";
  let told = text.slice(0, 4000);
  for (const secret of secrets) {
    if (secret !== null && secret.length >= MIN_SECRET_LENGTH) told = told.replaceAll(secret, "…");
  }
  return told
    .replace(/\bhttps?:\/\/\S+/gi, "…")
    .replace(/[\p{C}\s]+/gu, " ")
    .trim()
    .slice(0, MAX_LENGTH);
}
