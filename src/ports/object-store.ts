/** What is kept beside an object's bytes. Values are short ASCII strings. */
export type ObjectMetadata = Readonly<Record<string, string>>;

export interface StoredObject {
  readonly size: number;
  readonly mime: string;
  readonly metadata: ObjectMetadata;
}

export interface ObjectBody extends StoredObject {
  readonly body: ReadableStream<Uint8Array>;
  bytes(): Promise<Uint8Array<ArrayBuffer>>;
}

export interface PutOptions {
  readonly mime: string;
  readonly metadata?: ObjectMetadata;
}

export interface ListedObject {
  readonly key: string;
  /** Epoch ms. */
  readonly uploadedAt: number;
}

export interface ObjectPage {
  readonly objects: readonly ListedObject[];
  /** Where the next page starts; null after the last one. Never expires. */
  readonly cursor: string | null;
}

/** Bytes by key. Keys are made by the service, never by a client. */
export interface ObjectStore {
  /** Stores unless the key exists. @returns false when it existed; what was there stays. */
  create(key: string, bytes: Uint8Array, options: PutOptions): Promise<boolean>;
  head(key: string): Promise<StoredObject | null>;
  /** `range` is in bytes; the whole object without it. */
  get(key: string, range?: { readonly offset: number; readonly length: number }): Promise<ObjectBody | null>;
  /** Idempotent; missing keys are no error. At most 1,000 keys. */
  delete(keys: readonly string[]): Promise<void>;
  /** Objects whose keys start with `prefix`, in the order of their keys. `limit` is 1–1,000. */
  list(prefix: string, page: { readonly cursor: string | null; readonly limit: number }): Promise<ObjectPage>;
}
