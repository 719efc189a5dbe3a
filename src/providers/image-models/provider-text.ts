const MAX_LENGTH = 160;
/** Shorter ones are everyday words: taking them out would hide nothing and make the rest unreadable. */
const MIN_SECRET_LENGTH = 4;
/** What stands in quotation marks is a name or, where it is longer, something out of the request. */
const MAX_QUOTATION_LENGTH = 40;

/** Fewer in common with the user's words are a turn of phrase. */
const FRAGMENT_LENGTH = 12;
/** Far more than is told. */
const MAX_READ_LENGTH = 4_000;

function oneLine(text: string): string {
  return text.replace(/[\p{C}\s]+/gu, " ").trim();
}

/**
 * What a provider wrote, in one line, with "…" where it repeats one of `secrets`: what is left are its own words. The
 * longest goes first, for a shorter one may be a part of it.
 */
export function withoutSecrets(text: string, secrets: readonly (string | null)[]): string {
  const known = secrets.map((secret) => oneLine(secret ?? "")).filter(({ length }) => length >= MIN_SECRET_LENGTH);
  known.sort((one, other) => other.length - one.length);
  return known.reduce((rest, secret) => rest.replaceAll(secret, "…"), oneLine(text));
}

/** `text` with "…" where so many characters in a row stand in one of `secrets`, too: providers cut what they repeat. */
function withoutFragments(text: string, secrets: readonly (string | null)[]): string {
  const fragments = new Set<string>();
  for (const secret of secrets) {
    const line = oneLine(secret ?? "").toLowerCase();
    for (let at = 0; at + FRAGMENT_LENGTH <= line.length; at++) fragments.add(line.slice(at, at + FRAGMENT_LENGTH));
  }
  let told = "";
  let hiddenTo = 0;
  for (let at = 0; at < text.length; at++) {
    if (fragments.has(text.slice(at, at + FRAGMENT_LENGTH).toLowerCase())) {
      if (at >= hiddenTo) told += "…";
      hiddenTo = at + FRAGMENT_LENGTH;
    }
    if (at >= hiddenTo) told += text[at];
  }
  return told;
}

/**
 * What a provider wrote, fit for a log: one line, cut short, without urls, long quotations and `secrets` (keys, the
 * user's own words), should it have repeated them or a part of them.
 */
export function providerText(text: unknown, secrets: readonly (string | null)[]): string {
  if (typeof text !== "string") return "";
  return withoutFragments(withoutSecrets(text, secrets).slice(0, MAX_READ_LENGTH), secrets)
    .replace(/\bhttps?:\/\/\S+/gi, "…")
    .replace(/"([^"]*)("|$)/g, (whole, quoted: string) => (quoted.length > MAX_QUOTATION_LENGTH ? '"…"' : whole))
    .slice(0, MAX_LENGTH);
}
