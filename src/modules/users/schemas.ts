import { z } from "@hono/zod-openapi";
import { toTimestamp } from "../../kernel/clock.ts";
import { canonicalJson, sha256Hex, utf8 } from "../../kernel/encoding.ts";
import { USER_ROLES } from "../../kernel/request-context.ts";
import type { User } from "./user.ts";

const LOCALE = /^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8}){0,8}$/;

/** Text people see: trimmed, not empty, without broken surrogates and control characters but those in `allowed`. */
export function readable(max: number, allowed = "") {
  return z
    .string()
    .trim()
    .min(1)
    .max(max)
    .refine(
      (text) => [...text].every((char) => allowed.includes(char) || !/\p{Cc}/u.test(char)) && text.isWellFormed(),
      {
        message: "Control characters and broken text are not accepted.",
        params: { code: "invalid_characters" },
      },
    );
}

export const nameField = readable(100);

export const userSchema = z
  .object({
    id: z.string().openapi({ example: "usr_01KBTESTTESTTESTTESTTESTTE" }),
    phone: z.string().openapi({ example: "+989121234567" }),
    name: z.string().nullable(),
    bio: z.string().nullable(),
    locale: z.string().nullable().openapi({ example: "fa-IR" }),
    role: z.enum(USER_ROLES),
    createdAt: z.iso.datetime(),
    updatedAt: z.iso.datetime(),
  })
  .openapi("User");

export const updateMeSchema = z
  .strictObject({
    name: nameField.nullable().optional(),
    bio: readable(500, "\n\t").nullable().optional(),
    locale: z
      .string()
      .max(35)
      .regex(LOCALE, "Give a language tag such as fa or fa-IR.")
      .nullable()
      .optional()
      .openapi({ description: "A BCP 47 language tag.", example: "fa-IR" }),
  })
  .openapi("UpdateMe", { description: "Fields left out stay as they are; `null` clears." });

/** Changes with everything {@link serializeUser} shows. */
export async function userEtag(user: User): Promise<string> {
  return `"${(await sha256Hex(utf8(canonicalJson(serializeUser(user))))).slice(0, 32)}"`;
}

export function serializeUser(user: User): z.output<typeof userSchema> {
  const { id, phone, name, bio, locale, role, createdAt, updatedAt } = user;
  return {
    id,
    phone,
    name,
    bio,
    locale,
    role,
    createdAt: toTimestamp(createdAt),
    updatedAt: toTimestamp(updatedAt),
  };
}
