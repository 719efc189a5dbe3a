/** What no answer may show: the inside of the service, or its secrets. */
import type { Exchange } from "./check.ts";

const INSIDES: readonly (readonly [pattern: RegExp, what: string])[] = [
  [/\bat (?:async )?[\w.<>[\] ]+ \((?:file|node|https?|\/)[^)]*:\d+:\d+\)/, "a stack trace"],
  [/\b[\w/-]+\.(?:ts|js|mjs):\d+/, "a place in the source"],
  [/\b(?:Type|Reference|Range|Syntax)Error\b/, "the name of an exception"],
  [/\b(?:D1_ERROR|SQLITE_\w+|sqlite3?)\b/i, "the database's own words"],
  [/\b(?:SELECT|INSERT INTO|UPDATE|DELETE FROM)\b.+\b(?:FROM|VALUES|SET|WHERE)\b/s, "SQL"],
  [/\/(?:home|root|tmp|usr|work|node_modules)\//, "a path of the machine"],
  [/\$(?:argon2|2[aby])\w*\$/, "a password hash"],
  [/\b(?:JWT_SECRET|PASSWORD_PEPPER|GEMINI_API_KEY|METRICS_TOKEN)\b/, "the name of a secret"],
];

/** What was sent may come back in the name of a field: it is told apart by taking it out first. */
function withoutSent(text: string, { sent }: Exchange): string {
  const said = `${sent.url} ${sent.body?.toString() ?? ""}`;
  return text.replace(/"path":"((?:[^"\\]|\\.)*)"/g, (whole, path: string) => {
    const last = path.split(".").at(-1) ?? "";
    return last !== "" && said.includes(last) ? '"path":""' : whole;
  });
}

/** Insides are looked for in errors, where a user's own texts have no place; secrets in everything. */
export function leakProblems(exchange: Exchange, secrets: readonly string[]): string[] {
  const { answer } = exchange;
  const text = answer.body.toString();
  const headers = Object.values(answer.headers).join("\n");
  const shown = secrets.some((secret) => text.includes(secret) || headers.includes(secret));
  const found = shown ? ["a secret is shown"] : [];
  if (answer.status < 400) return found;
  const told = `${withoutSent(text, exchange)}\n${headers}`;
  return [...found, ...INSIDES.filter(([pattern]) => pattern.test(told)).map(([, what]) => `${what} is shown`)];
}
