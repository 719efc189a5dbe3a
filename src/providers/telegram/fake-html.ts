/** Tags that Telegram's HTML knows; anything else is refused. */
const TAGS = new Set([
  "a",
  "b",
  "blockquote",
  "code",
  "del",
  "em",
  "i",
  "ins",
  "pre",
  "s",
  "span",
  "strike",
  "strong",
  "tg-emoji",
  "tg-spoiler",
  "u",
]);
const ENTITIES: Readonly<Record<string, string>> = { lt: "<", gt: ">", amp: "&", quot: '"' };

/** The text that people see, or Telegram's words for what is wrong with the marks. */
export type ParsedHtml = { readonly text: string } | { readonly problem: string };

function decoded(text: string): string {
  return text.replace(/&(?:#(\d{1,7})|#x([\da-f]{1,6})|(lt|gt|amp|quot));/gi, (whole, decimal, hex, name) => {
    if (name !== undefined) return ENTITIES[String(name).toLowerCase()] ?? whole;
    const code = decimal === undefined ? Number.parseInt(hex, 16) : Number(decimal);
    return code > 0 && code <= 0x10ffff ? String.fromCodePoint(code) : whole;
  });
}

/** Reads `html` as Telegram does in parse mode HTML: tags must be known, closed, and nested. */
export function parseTelegramHtml(html: string): ParsedHtml {
  const open: string[] = [];
  let text = "";
  let at = 0;
  const problem = (what: string) => ({
    problem: `Bad Request: can't parse entities: ${what} at byte offset ${Buffer.byteLength(html.slice(0, at))}`,
  });
  while (at < html.length) {
    const next = html.indexOf("<", at);
    if (next === -1) break;
    text += decoded(html.slice(at, next));
    at = next;
    const tag = /^<(\/?)([a-z-]*)([^<>]*)>/i.exec(html.slice(at));
    if (tag === null) return problem("Unclosed start tag");
    const [whole, slash, given = ""] = tag;
    const name = given.toLowerCase();
    if (slash === "/") {
      if (open.pop() !== name) return problem(`Unmatched end tag, found "</${name}>"`);
    } else if (!TAGS.has(name)) return problem(`Unsupported start tag "${name}"`);
    else open.push(name);
    at += whole.length;
  }
  if (open.length > 0) return problem(`Can't find end tag corresponding to start tag "${open.at(-1)}"`);
  return { text: text + decoded(html.slice(at)) };
}
