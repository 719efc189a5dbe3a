/** How each operation is called so that a sound service says yes, and who else's things it must not touch. */
import fc from "fast-check";
import type { Named, Pair, Part } from "./request.ts";
import type { Who } from "./world.ts";

export interface Plan {
  readonly who: Who;
  readonly params?: Readonly<Record<string, Named>>;
  /** Parameters that name what is not the caller's, or not there: each must be a 404. */
  readonly foreign?: readonly Readonly<Record<string, Named>>[];
  /** In place of what the schema says, by the body's property. */
  readonly fields?: Readonly<Record<string, fc.Arbitrary<unknown>>>;
  /** The whole body, where properties depend on one another. */
  readonly body?: fc.Arbitrary<unknown>;
  readonly multipart?: fc.Arbitrary<readonly Part[]>;
  /** Query strings that are right, beside those the schema makes. */
  readonly query?: fc.Arbitrary<readonly Pair[]>;
  /** What a right request may be answered; without it, any documented 2xx. */
  readonly good?: readonly number[];
  /** How often it is called, beside others: 1 unless told. */
  readonly weight?: number;
}

const is = fc.constant;
const NOWHERE = "00000000000000000000000000";
const newPassword = fc.constantFrom(
  "eight stones of venice",
  "пароль из слов",
  "رمز عبور بلند من",
  "0123 abcd ".repeat(12),
);

const common = {
  personImageId: is("{{image.person}}"),
  prompt: fc.constantFrom("warmer", "", "گرم‌تر"),
  seed: fc.oneof(fc.integer({ min: 0, max: 4_294_967_295 }), fc.constantFrom(0, 4_294_967_295)),
  outputFormat: fc.constantFrom("jpeg", "png", "webp"),
  provider: is("local"),
  fallback: fc.constantFrom("deny", "allow"),
  title: fc.constantFrom("Mine", "عنوان", "t".repeat(200), "  trimmed  "),
  metadata: fc.dictionary(fc.stringMatching(/^[a-z]{1,8}$/), fc.constantFrom("", "1", "m".repeat(500)), { maxKeys: 5 }),
};
const optional = { noNullPrototype: true } as const;
const styleBody = fc.oneof(
  fc.record(
    { kind: is("style"), ...common, stylePreset: fc.constantFrom("oil", "ink", "noir") },
    { requiredKeys: ["kind", "personImageId", "stylePreset"], ...optional },
  ),
  fc.record(
    { kind: is("style"), ...common, styleImageId: is("{{image.style}}") },
    { requiredKeys: ["kind", "personImageId", "styleImageId"], ...optional },
  ),
);
const tryonBody = fc.record(
  {
    kind: is("tryon"),
    ...common,
    garmentImageId: is("{{image.garment}}"),
    category: fc.constantFrom("auto", "tops", "bottoms", "one-pieces"),
  },
  { requiredKeys: ["kind", "personImageId", "garmentImageId"], ...optional },
);

const picture = (name: string, kind: "person" | "garment" | "style"): Part => ({ name, picture: kind });
const conversionParts: fc.Arbitrary<readonly Part[]> = fc.constantFrom(
  [{ name: "kind", value: "style" }, { name: "stylePreset", value: "oil" }, picture("person", "person")],
  [{ name: "kind", value: "style" }, picture("style", "style"), { name: "personImageId", value: "{{image.person}}" }],
  [
    { name: "kind", value: "tryon" },
    picture("person", "person"),
    picture("garment", "garment"),
    { name: "seed", value: "7" },
    { name: "metadata", value: '{"a":"b"}' },
  ],
);
const uploadParts = fc
  .constantFrom("person" as const, "garment" as const, "style" as const)
  .map((kind) => [{ name: "kind", value: kind }, picture("file", kind)]);

const ofMain = (id: Named): Pick<Plan, "who" | "params"> => ({ who: "main", params: { id } });
const onUser = (id: Named): Pick<Plan, "who" | "params" | "foreign"> => ({
  who: "admin",
  params: { id },
  foreign: [{ id: `usr_${NOWHERE}` }],
});
const images = [{ id: "{{image.other}}" }, { id: `img_${NOWHERE}` }];
const conversions = [{ id: "{{conversion.other}}" }, { id: `cnv_${NOWHERE}` }];
const signedQuery = is<readonly Pair[]>([
  ["exp", "{{signed.exp}}"],
  ["sig", "{{signed.sig}}"],
]);

/** An operation that is not here is called by nobody, with what its schema makes. */
export const PLANS: Readonly<Record<string, Plan>> = {
  sendOtp: { who: "nobody", fields: { phone: is("{{phone.new}}") } },
  verifyOtp: {
    who: "nobody",
    body: is({
      phone: "{{otp.phone}}",
      purpose: "register",
      challengeId: "{{otp.challenge}}",
      code: "{{otp.code}}",
    }),
  },
  register: {
    who: "nobody",
    fields: { verificationToken: is("{{verified.register}}"), password: newPassword },
    weight: 0.5,
  },
  login: {
    who: "nobody",
    body: fc.constantFrom(
      { phone: "{{phone.fresh}}", password: "{{password}}" },
      { verificationToken: "{{verified.login}}" },
    ),
    weight: 0.5,
  },
  refresh: { who: "nobody", fields: { refreshToken: is("{{refresh.fresh}}") }, weight: 0.5 },
  logout: { who: "fresh", weight: 0.5 },
  logoutAll: { who: "fresh", weight: 0.5 },
  resetPassword: {
    who: "nobody",
    fields: { verificationToken: is("{{verified.reset}}"), newPassword },
    weight: 0.5,
  },
  changePassword: { who: "fresh", fields: { currentPassword: is("{{password}}"), newPassword }, weight: 0.5 },
  listSessions: { who: "main" },
  revokeSession: {
    who: "fresh",
    params: { id: "{{session.fresh}}" },
    foreign: [{ id: "{{session.other}}" }, { id: `ses_${NOWHERE}` }],
    weight: 0.5,
  },
  listDevSms: { who: "nobody", query: fc.constantFrom([], [["phone", "{{phone.new}}"]]) },
  getMe: { who: "main", good: [200, 304] },
  updateMe: { who: "main" },
  deleteMe: { who: "fresh", weight: 0.5 },
  listAudit: { who: "main" },
  getUsage: { who: "main" },
  uploadImage: { who: "main", multipart: uploadParts },
  listImages: {
    who: "main",
    query: fc.constantFrom(
      [],
      [
        ["limit", "1"],
        ["cursor", "{{cursor.images}}"],
      ],
    ),
  },
  getImage: { ...ofMain("{{image.person}}"), foreign: images, good: [200, 304] },
  deleteImage: { ...ofMain("{{image.fresh}}"), foreign: images, good: [204] },
  getImageContent: {
    ...ofMain("{{image.person}}"),
    foreign: images,
    query: fc.oneof(
      is([]),
      signedQuery,
      fc.constantFrom("thumbnail", "thumbnail-256").map((v) => [["variant", v]] as const),
    ),
    good: [200, 206, 304],
  },
  createConversion: { who: "main", body: fc.oneof(styleBody, tryonBody), multipart: conversionParts },
  listConversions: { who: "main" },
  getConversion: { ...ofMain("{{conversion.done}}"), foreign: conversions, good: [200, 304] },
  updateConversion: {
    ...ofMain("{{conversion.kept}}"),
    foreign: conversions,
    fields: { title: common.title, metadata: common.metadata },
  },
  deleteConversion: { ...ofMain("{{conversion.fresh}}"), foreign: conversions, weight: 0.5 },
  cancelConversion: { ...ofMain("{{conversion.fresh}}"), foreign: conversions, good: [200, 409], weight: 0.5 },
  retryConversion: { ...ofMain("{{conversion.canceled}}"), foreign: conversions, weight: 0.5 },
  listStyles: {
    who: "nobody",
    query: fc.constantFrom(
      [],
      [
        ["limit", "1"],
        ["cursor", "{{cursor.styles}}"],
      ],
    ),
  },
  getHealth: { who: "nobody" },
  getStatus: { who: "nobody" },
  getJwks: { who: "nobody" },
  getMetrics: { who: "nobody", weight: 0.3 },
  searchAudit: {
    who: "admin",
    query: fc.constantFrom([], [["actor", "operator"]], [["from", "2026-11-01T00:00:00Z"]]),
  },
  listUsers: {
    who: "admin",
    query: fc.constantFrom(
      [],
      [
        ["limit", "1"],
        ["cursor", "{{cursor.users}}"],
      ],
      [["phone", "{{phone.fresh}}"]],
    ),
  },
  getUser: onUser("{{user.fresh}}"),
  setRole: { ...onUser("{{user.fresh}}"), weight: 0.5 },
  approveUser: { ...onUser("{{user.vendor}}"), weight: 0.5 },
  disableUser: { ...onUser("{{user.fresh}}"), weight: 0.5 },
  enableUser: { ...onUser("{{user.disabled}}"), weight: 0.5 },
  endSessions: { ...onUser("{{user.fresh}}"), weight: 0.5 },
  endSession: {
    who: "admin",
    params: { id: "{{user.fresh}}", sessionId: "{{session.fresh}}" },
    foreign: [
      { id: "{{user.fresh}}", sessionId: "{{session.other}}" },
      { id: `usr_${NOWHERE}`, sessionId: "{{session.fresh}}" },
    ],
    weight: 0.5,
  },
  grantQuota: onUser("{{user.fresh}}"),
  listCircuits: { who: "admin" },
  forceCircuit: { who: "admin", params: { circuit: "{{circuit}}" }, foreign: [{ circuit: "gemini:none" }] },
  listProviderCalls: { who: "admin", params: { id: "{{conversion.done}}" }, foreign: [{ id: `cnv_${NOWHERE}` }] },
  listCosts: {
    who: "admin",
    query: fc.constantFrom(
      [],
      [
        ["from", "2026-11-01"],
        ["to", "2026-11-29"],
      ],
    ),
  },
  listDeadLetters: { who: "admin" },
  // Letters are few, and each is good for one replay.
  replayDeadLetter: {
    who: "admin",
    params: { id: "{{letter}}" },
    foreign: [{ id: `dlt_${NOWHERE}` }],
    good: [202, 404],
    weight: 0.3,
  },
};
