/** Requests as readers of the document can try them. */
import type { MediaType } from "./types.ts";

type Examples = NonNullable<MediaType["examples"]>;

const PERSON = "img_01KBTESTTESTTESTTESTTESTTE";
const GARMENT = "img_01KBTESTTESTTESTTESTTESTTF";
const phone = "09121234567";
const challengeId = "chl_01KBTESTTESTTESTTESTTESTTE";
const verificationToken = "from-verify-otp";
const newPassword = "seven lamps of architecture";

const one = (summary: string, value: unknown): Examples => ({ example: { summary, value } });
const json = (examples: Examples) => ({ "application/json": examples });

/** By operation and media type. */
export const BODY_EXAMPLES: Readonly<Record<string, Readonly<Record<string, Examples>>>> = {
  sendOtp: json({
    register: { summary: "To sign up", value: { phone, purpose: "register" } },
    persian: { summary: "In Persian digits", value: { phone: "۰۹۱۲۱۲۳۴۵۶۷", purpose: "login" } },
  }),
  verifyOtp: json(one("The code from the message", { phone, purpose: "register", challengeId, code: "123456" })),
  register: json({
    user: { summary: "A user", value: { verificationToken, password: newPassword, name: "سارا" } },
    vendor: { summary: "A vendor", value: { verificationToken, password: newPassword, role: "vendor" } },
  }),
  login: json({
    password: { summary: "By password", value: { phone, password: newPassword } },
    code: { summary: "By a code sent to the phone", value: { verificationToken } },
  }),
  refresh: json(one("With the newest refresh token", { refreshToken: "from-register-login-or-refresh" })),
  resetPassword: json(one("After verify-otp with `password_reset`", { verificationToken, newPassword })),
  changePassword: json(one("Both passwords", { currentPassword: newPassword, newPassword: "eight stones of venice" })),
  updateMe: json({
    set: { summary: "Set", value: { name: "Sara", bio: "Photographs doors.", locale: "fa-IR" } },
    clear: { summary: "Clear", value: { bio: null } },
  }),
  setRole: json(one("Make an admin", { role: "admin" })),
  grantQuota: json(one("Fifty more this month", { units: 50, reason: "Lost results in November" })),
  forceCircuit: json({
    stop: { summary: "Stop calling a provider", value: { state: "open" } },
    release: { summary: "Let it go by outcomes again", value: { state: "auto" } },
  }),
  uploadImage: {
    "multipart/form-data": one("The file part holds the picture", { kind: "person", file: "(the bytes of a picture)" }),
  },
  createConversion: {
    "application/json": {
      style: { summary: "In a style", value: { kind: "style", personImageId: PERSON, stylePreset: "oil" } },
      tryon: {
        summary: "A garment tried on",
        value: {
          kind: "tryon",
          personImageId: PERSON,
          garmentImageId: GARMENT,
          category: "tops",
          title: "Blue shirt",
          metadata: { order: "1042" },
        },
      },
    },
    "multipart/form-data": one("From photo to job in one call", {
      kind: "style",
      stylePreset: "sketch",
      person: "(the bytes of a picture)",
    }),
  },
  updateConversion: json({
    title: { summary: "Name it", value: { title: "For the wall", favorite: true } },
    metadata: { summary: "Replace the pairs", value: { metadata: { order: "1043" } } },
  }),
};

/** By what stands before the parameter in the path. */
export const PARAMETER_EXAMPLES: readonly (readonly [part: string, example: string])[] = [
  ["/api/auth/sessions", "ses_01KBTESTTESTTESTTESTTESTTE"],
  ["/api/images", PERSON],
];
