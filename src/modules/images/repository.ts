import type { AuditEvent } from "../../kernel/audit.ts";
import type { Page, PageRequest } from "../../kernel/page.ts";
import type { ImageMime } from "../../ports/image-codec.ts";

export const UPLOAD_KINDS = ["person", "garment", "style"] as const;
export type UploadKind = (typeof UPLOAD_KINDS)[number];
export type ImageKind = UploadKind | "result";

/** An image as the database holds it; the bytes are in the object store under the two keys. */
export interface Image {
  readonly id: string;
  readonly userId: string;
  readonly kind: ImageKind;
  readonly mime: ImageMime;
  readonly bytes: number;
  readonly width: number;
  readonly height: number;
  /** Lower-case hex, of the stored original. */
  readonly sha256: string;
  readonly originalKey: string;
  readonly thumbnailKey: string;
  /** Epoch ms. */
  readonly createdAt: number;
  /** When retention removes it; null for never. */
  readonly expiresAt: number | null;
}

/** `expiresAt` is the database's to set, by the owner's plan. */
export type NewImage = Omit<Image, "expiresAt">;

export type RemoveOutcome =
  | { readonly kind: "removed"; readonly image: Image; readonly outboxId: string }
  | { readonly kind: "in_use" }
  | { readonly kind: "not_found" };

/** Images by owner. Deleted ones are never shown. */
export interface ImageRepository {
  /**
   * The row, and with it the end of the promise (outbox) to delete its objects. @returns null, with the promise still
   * standing, when the account was deleted meanwhile.
   */
  insert(image: NewImage, outboxId: string, event: AuditEvent): Promise<Image | null>;
  find(userId: string, id: string): Promise<Image | null>;
  /** Whoever owns it: for signed urls and workers. */
  findAny(id: string): Promise<Image | null>;
  /** Uploads only, newest first. */
  list(userId: string, kind: UploadKind | null, page: PageRequest): Promise<Page<Image>>;
  /**
   * Deletes unless an active conversion needs the image, in one statement, and promises in the outbox to delete its
   * objects. Of racing callers one removes it; a conversion created at the same moment either finds it or keeps it.
   */
  remove(userId: string, id: string, now: number, event: AuditEvent): Promise<RemoveOutcome>;
}
