import { z } from "@hono/zod-openapi";
import { pageFields } from "../../kernel/page.ts";
import { nameField, userSchema } from "../users/index.ts";
import { readOtpCode } from "./otp-code.ts";
import {
  canonicalPassword,
  newPasswordProblem,
  PASSWORD_MAX,
  PASSWORD_MIN,
  unusablePassword,
} from "./password-policy.ts";
import { LONGEST_PHONE } from "./phone.ts";
import { OTP_PURPOSES } from "./repository.ts";

/** Only the length is judged here: which numbers are accepted is configured. */
export const phoneField = z.string().min(1).max(LONGEST_PHONE).openapi({
  description: "A mobile number in any usual writing; Persian, Arabic-Indic and full-width digits are understood.",
  example: "09121234567",
});

const purpose = z.enum(OTP_PURPOSES).openapi({ description: "What the code may be used for, and for nothing else." });
const verificationToken = z.string().min(1).max(256).openapi({ description: "From `verify-otp`; good for one use." });

const newPassword = z
  .string()
  .transform(canonicalPassword)
  .superRefine((password, context) => {
    const problem = newPasswordProblem(password);
    if (problem) context.addIssue({ code: "custom", message: problem.message, params: { code: problem.code } });
  })
  .openapi({
    type: "string",
    format: "password",
    minLength: PASSWORD_MIN,
    maxLength: PASSWORD_MAX,
    description: "10 to 128 characters of any kind, at most 512 bytes, and none of the first guesses.",
  });

const knownPassword = z
  .string()
  .transform(canonicalPassword)
  .superRefine((password, context) => {
    const problem = unusablePassword(password);
    if (problem) context.addIssue({ code: "custom", message: problem.message, params: { code: problem.code } });
  })
  .openapi({ type: "string", format: "password", maxLength: PASSWORD_MAX });

export const sendOtpSchema = z.strictObject({ phone: phoneField, purpose }).openapi("SendOtp");

export const sentOtpSchema = z
  .object({
    challengeId: z.string().openapi({ example: "chl_01KBTESTTESTTESTTESTTESTTE" }),
    expiresIn: z.int().openapi({ description: "Seconds the code lasts." }),
    resendAfter: z.int().openapi({ description: "Seconds before another one should be asked for." }),
  })
  .openapi("SentOtp");

export const verifyOtpSchema = z
  .strictObject({
    phone: phoneField,
    purpose,
    challengeId: z.string().regex(/^chl_[0-9A-HJKMNP-TV-Z]{26}$/, "This is no challenge id."),
    code: z
      .string()
      .max(16)
      .transform((text, context) => {
        const code = readOtpCode(text);
        if (code !== null) return code;
        context.addIssue({ code: "custom", message: "A code has six digits.", params: { code: "invalid_format" } });
        return z.NEVER;
      })
      .openapi({ type: "string", example: "123456", description: "Six digits, of any script." }),
  })
  .openapi("VerifyOtp");

export const verifiedOtpSchema = z
  .object({
    verificationToken: z.string(),
    expiresIn: z.int().openapi({ description: "Seconds the token lasts." }),
    registered: z.boolean().openapi({ description: "Whether the phone has an account." }),
  })
  .openapi("VerifiedOtp");

export const registerSchema = z
  .strictObject({
    verificationToken,
    password: newPassword,
    name: nameField.optional(),
    role: z.enum(["user", "vendor"]).default("user").openapi({
      description: "A vendor's shop opens once it is approved; the account works at once.",
    }),
  })
  .openapi("Register");

interface LoginFields {
  readonly phone?: string | undefined;
  readonly password?: string | undefined;
  readonly verificationToken?: string | undefined;
}

/** The one way of the two that a body chose; what is missing or too much is named field by field. */
function chooseWay(body: LoginFields, context: z.RefinementCtx) {
  const { phone, password, verificationToken: token } = body;
  const refuse = (path: string, code: string, message: string) =>
    context.addIssue({ code: "custom", path: [path], message, params: { code } });
  if (token !== undefined) {
    for (const path of ["phone", "password"] as const) {
      if (body[path] !== undefined) refuse(path, "not_allowed", "Give either a token or phone and password.");
    }
    return { by: "verification" as const, verificationToken: token };
  }
  if (phone === undefined) refuse("phone", "required", "Give phone and password, or a verification token.");
  if (password === undefined) refuse("password", "required", "Give phone and password, or a verification token.");
  return { by: "password" as const, phone: phone ?? "", password: password ?? "" };
}

export const loginSchema = z
  .strictObject({
    phone: phoneField.optional(),
    password: knownPassword.optional(),
    verificationToken: verificationToken.optional(),
  })
  .transform(chooseWay)
  .openapi("Login", {
    description: "Either `phone` and `password`, or a `verificationToken` of purpose `login`.",
    anyOf: [{ required: ["phone", "password"] }, { required: ["verificationToken"] }],
  });

const tokens = {
  accessToken: z.string(),
  tokenType: z.literal("Bearer"),
  expiresIn: z.int().openapi({ description: "Seconds the access token lasts." }),
  refreshToken: z.string(),
  refreshExpiresIn: z.int().openapi({ description: "Seconds the session lasts unless it is refreshed." }),
  sessionId: z.string().openapi({ example: "ses_01KBTESTTESTTESTTESTTESTTE" }),
};

export const tokensSchema = z.object(tokens).openapi("Tokens");

export const sessionSchema = z.object({ user: userSchema, ...tokens }).openapi("Session");

export const refreshSchema = z.strictObject({ refreshToken: z.string() }).openapi("Refresh");

export const resetPasswordSchema = z.strictObject({ verificationToken, newPassword }).openapi("ResetPassword");

export const changePasswordSchema = z
  .strictObject({ currentPassword: knownPassword, newPassword })
  .openapi("ChangePassword");

export const sessionInfoSchema = z
  .object({
    id: z.string().openapi({ example: "ses_01KBTESTTESTTESTTESTTESTTE" }),
    userAgent: z.string().nullable(),
    ipPrefix: z.string().nullable().openapi({ example: "203.0.113.0/24" }),
    createdAt: z.iso.datetime(),
    lastSeenAt: z.iso.datetime().openapi({ description: "To the minute." }),
    expiresAt: z.iso.datetime().openapi({ description: "Unless it is refreshed before." }),
  })
  .openapi("SessionInfo");

export const sessionListSchema = z
  .object({
    items: z.array(
      sessionInfoSchema
        .extend({ current: z.boolean().openapi({ description: "Whether this request belongs to it." }) })
        .openapi("OwnSession"),
    ),
    nextCursor: z.string().nullable(),
  })
  .openapi("SessionList");

export const listSessionsQuerySchema = z.object({
  ...pageFields,
});

export const inboxSchema = z
  .object({
    items: z.array(
      z.object({ to: z.string(), text: z.string(), code: z.string(), sentAt: z.iso.datetime() }).openapi("DevSms"),
    ),
  })
  .openapi("DevSmsInbox");

export const jwksSchema = z
  .object({
    keys: z.array(
      z.object({
        kty: z.literal("OKP"),
        crv: z.literal("Ed25519"),
        x: z.string(),
        kid: z.string().openapi({ description: "RFC 7638 thumbprint." }),
        alg: z.literal("Ed25519"),
        use: z.literal("sig"),
      }),
    ),
  })
  .openapi("Jwks");
