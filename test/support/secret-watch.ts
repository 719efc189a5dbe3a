/**
 * What a test file has seen that nobody else may: codes, phones, tokens and passwords of its requests and answers, the
 * secrets of its configuration, and the bytes of its pictures. At its end, no log line and no event may hold one.
 */

/** Fields of bodies that hold such. */
const FIELDS: ReadonlySet<string> = new Set([
  "phone",
  "code",
  "password",
  "newPassword",
  "currentPassword",
  "accessToken",
  "refreshToken",
  "verificationToken",
  "token",
  "text",
  "prompt",
]);
const MIN_LENGTH = 6;
/** Enough of a picture to be sure, and short enough to be found in pieces of it. */
const PIECE = 24;

function addFields(secrets: Set<string>, value: unknown): void {
  if (Array.isArray(value)) for (const item of value) addFields(secrets, item);
  else if (typeof value === "object" && value !== null) {
    for (const [name, field] of Object.entries(value)) {
      // A problem's `code` is a word of the registry.
      const isSecret = FIELDS.has(name) && typeof field === "string" && field.length >= MIN_LENGTH;
      if (isSecret && !(name === "code" && !/^\d{6}$/.test(field))) secrets.add(field);
      else addFields(secrets, field);
    }
  }
}

function parsed(body: unknown): unknown {
  if (typeof body !== "string") return null;
  try {
    return JSON.parse(body);
  } catch {
    return null;
  }
}

/** A phone in the writings it may be logged in. */
function writings(secret: string): string[] {
  const national = /^(?:\+98|0098|98|0)(9\d{9})$/.exec(secret)?.[1];
  return national === undefined ? [secret] : [`0${national}`, `98${national}`];
}

function isIn(line: string, secret: string): boolean {
  if (!/^\d{6}$/.test(secret)) return line.includes(secret);
  // Six digits may also be a number of something.
  return new RegExp(`(?<!(?:Ms|bytes|seq|count)["']?[=:])(?<![\\w.:/-])${secret}(?![\\w.:/-])`).test(line);
}

export class SecretWatch {
  readonly #secrets = new Set<string>();
  readonly #pieces = new Set<string>();

  addSecret(...secrets: readonly string[]): void {
    for (const secret of secrets) if (secret.length >= MIN_LENGTH) this.#secrets.add(secret);
  }

  /** Takes the secrets out of a JSON body; others hold none that are looked for. */
  addBody(body: unknown): void {
    addFields(this.#secrets, typeof body === "string" ? parsed(body) : body);
  }

  /** Pieces of the picture, as it would look in base64 or as text. */
  addPicture(bytes: Uint8Array<ArrayBuffer>): void {
    for (const share of [0.25, 0.5, 0.75]) {
      const at = Math.floor((bytes.length * share) / 3) * 3;
      const piece = bytes.subarray(at, at + PIECE * 3);
      if (piece.length < PIECE) continue;
      this.#pieces.add(btoa(String.fromCharCode(...piece)).slice(0, PIECE));
    }
  }

  get size(): number {
    return this.#secrets.size;
  }

  /** The lines that hold one, with what they hold. */
  leaks(lines: readonly string[]): string[] {
    const secrets = [...this.#secrets].flatMap(writings);
    const found: string[] = [];
    for (const line of lines) {
      for (const secret of secrets) if (isIn(line, secret)) found.push(`${secret} in: ${line.slice(0, 400)}`);
      for (const piece of this.#pieces) if (line.includes(piece)) found.push(`a picture in: ${line.slice(0, 200)}`);
    }
    return found;
  }
}
