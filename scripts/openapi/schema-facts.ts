/** What the service checks beyond what a zod schema can say as JSON Schema, by component and, within it, by property. */
import type { Schema } from "./types.ts";

type Facts = Readonly<Record<string, Schema>>;

/** Control characters are spelled out: not every reader's regular expressions know `\p{Cc}`. */
const VISIBLE = "^[^\\u0000-\\u001f\\u007f-\\u009f]*\\S[^\\u0000-\\u001f\\u007f-\\u009f]*$";
const LINES = "^[^\\u0000-\\u0008\\u000b-\\u001f\\u007f-\\u009f]*\\S[^\\u0000-\\u0008\\u000b-\\u001f\\u007f-\\u009f]*$";
const NO_NUL = "^[^\\u0000]*$";
const NOT_BLANK = "^[^\\u0000]*\\S[^\\u0000]*$";
const DIGIT = "0-9\\u0660-\\u0669\\u06f0-\\u06f9\\uff10-\\uff19";
/** How a number may be written; whether it is a mobile one of an allowed country is the service's to say. */
const PHONE = `^[ ()+${DIGIT}-]+$`;

const metadata: Schema = { maxProperties: 20, propertyNames: { minLength: 1, maxLength: 64 } };
const conversion: Facts = {
  prompt: { pattern: NO_NUL },
  title: { pattern: NOT_BLANK },
  metadata,
};

/** Added to the properties of a component, or of each of its `oneOf`. */
export const PROPERTY_FACTS: Readonly<Record<string, Facts>> = {
  SendOtp: { phone: { pattern: PHONE } },
  VerifyOtp: {
    phone: { pattern: PHONE },
    code: { pattern: `^[${DIGIT}]{6}$` },
  },
  Register: { name: { pattern: VISIBLE } },
  Login: { phone: { pattern: PHONE }, password: { minLength: 1 } },
  ChangePassword: { currentPassword: { minLength: 1 } },
  UpdateMe: { name: { pattern: VISIBLE }, bio: { pattern: LINES } },
  GrantQuota: { reason: { pattern: VISIBLE } },
  CreateConversion: conversion,
  UpdateConversion: { title: { pattern: NOT_BLANK }, metadata },
};

const way = (required: readonly string[], without: readonly string[]): Schema => ({
  required,
  not: { anyOf: without.map((name) => ({ required: [name] })) },
});

/** Put in place of keywords of a component itself. */
export const COMPONENT_FACTS: Readonly<Record<string, Schema>> = {
  Login: {
    anyOf: undefined,
    oneOf: [way(["phone", "password"], ["verificationToken"]), way(["verificationToken"], ["phone", "password"])],
  },
};

/** Of a conversion with `kind: style`: the look comes from a picture or from a preset. */
export const STYLE_CHOICE: Schema = {
  oneOf: [{ required: ["styleImageId"] }, { required: ["stylePreset"] }],
};
