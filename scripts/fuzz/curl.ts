/** A request as a command to paste. */
import type { SentRequest } from "./request.ts";

/** A whole argument for a POSIX shell, whatever is in it. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}

const SHOWN_BYTES = 4000;

function bodyArgument(body: Buffer): string {
  const text = body.toString();
  const isText = Buffer.from(text).equals(body) && !text.includes("\0");
  if (isText && body.length <= SHOWN_BYTES) return `--data-binary ${quoted(text)}`;
  if (body.length <= SHOWN_BYTES) return `--data-binary @<(echo ${body.toString("base64")} | base64 -d)`;
  return `--data-binary @<(head -c ${body.length} /dev/zero | tr '\\0' x)   # ${body.length} bytes, not shown`;
}

/** The token of the user it was made as is not written out: `$TOKEN` is one of your own. */
export function toCurl({ method, url, headers, body }: SentRequest, token: string | null): string {
  const shown = headers.map(([name, value]) => {
    const isToken = token !== null && value === `Bearer ${token}`;
    return isToken ? `-H "${name}: Bearer $TOKEN"` : `-H ${quoted(value === "" ? `${name};` : `${name}: ${value}`)}`;
  });
  return [`curl -i -X ${method} ${quoted(url)}`, ...shown, ...(body === null ? [] : [bodyArgument(body)])].join(
    " \\\n  ",
  );
}
