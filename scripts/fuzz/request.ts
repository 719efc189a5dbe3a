/** A request as it is generated: the same for the same seed, so ids and tokens of a run are named, not written out. */
import type { PictureName } from "./pictures.ts";

/** A name in double braces, such as `{{image.person}}`, stands for something of this run; see `world.ts`. */
export type Named = string;

/** As whom, with what in the Authorization header. */
export type Auth =
  | "valid"
  | "none"
  | "wrong-role"
  | "empty"
  | "basic"
  | "garbage"
  | "tampered"
  | "unsigned"
  | "ended"
  | "long"
  | "twice";

export type Part =
  | { readonly name: string; readonly value: Named }
  | { readonly name: string; readonly picture: PictureName };

export type Body =
  | { readonly kind: "json"; readonly value: unknown; readonly mediaType?: string }
  | { readonly kind: "text"; readonly text: Named; readonly mediaType: string | null }
  | { readonly kind: "bytes"; readonly base64: string; readonly mediaType: string }
  | { readonly kind: "multipart"; readonly parts: readonly Part[]; readonly mediaType?: string };

export type Pair = readonly [name: string, value: Named];

export interface FuzzRequest {
  readonly operationId: string;
  readonly method: string;
  /** By name; encoded when it is sent. */
  readonly params: Readonly<Record<string, Named>>;
  readonly query: readonly Pair[];
  readonly headers: readonly Pair[];
  readonly auth: Auth;
  readonly body: Body | null;
  /** The statuses of a sound service; null for any documented one. */
  readonly expect: readonly number[] | null;
  /** What is special about it, in words. */
  readonly about: string;
}

/** As it went over the wire. */
export interface SentRequest {
  readonly method: string;
  readonly url: string;
  readonly headers: readonly Pair[];
  readonly body: Buffer | null;
}

export interface Answer {
  readonly status: number;
  /** By name in lower case; several of one name joined by a comma. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
}
