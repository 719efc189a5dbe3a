import { expect, it } from "vitest";
import { apiWith } from "../support/app.ts";
import { signUp } from "../support/client.ts";
import { countStatuses, expectLimited, times } from "../support/limited.ts";
import { asFile, form, uploadPerson } from "../support/pictures.ts";

const NO_QUEUE = { send: async () => {} };
const ENV = {
  RATE_LIMIT_UPLOADS_PER_USER: "3",
  RATE_LIMIT_CONVERSIONS_PER_USER: "3",
  MAX_CONCURRENT_CONVERSIONS: "100",
  CONVERSION_QUEUE: NO_QUEUE,
};

const upload = (token: string, env: object = ENV) =>
  apiWith(env, "/api/images", { method: "POST", token, body: form({ kind: "person" }, { file: asFile("person") }) });

const convert = (token: string, personImageId: string) =>
  apiWith(ENV, "/api/conversions", { token, json: { kind: "style", personImageId, stylePreset: "oil" } });

/** The refusal of a full limit of the caller's own. */
async function expectFull(response: Response | undefined, policy: string): Promise<void> {
  if (response === undefined) throw new Error("nothing was refused");
  expect(response.headers.get("ratelimit-policy")).toBe(`"${policy}";q=3;w=3600`);
  expect(response.headers.get("ratelimit")).toMatch(new RegExp(`^"${policy}";r=0;t=3[56]\\d\\d$`));
  expect(await expectLimited(response)).toBeGreaterThan(3_500);
}

it("of 20 uploads in parallel exactly as many as allowed get through, whatever the address; users don't share a limit", async () => {
  const [{ token }, other] = await Promise.all([signUp(), signUp()]);
  const responses = await times(20, () => upload(token));
  expect(countStatuses(responses)).toEqual({ 201: 3, 429: 17 });
  await expectFull(
    responses.find(({ status }) => status === 429),
    "uploads",
  );
  const response = await upload(other.token);
  expect(response.status).toBe(201);
  expect(response.headers.get("ratelimit-policy")).toBe('"uploads";q=3;w=3600');
  expect(response.headers.get("ratelimit")).toBe('"uploads";r=2;t=3600');
});

it("of 20 conversions in parallel exactly as many as allowed get through", async () => {
  const { token } = await signUp();
  const { id } = await uploadPerson(token);
  const responses = await times(20, () => convert(token, id));
  expect(countStatuses(responses)).toEqual({ 202: 3, 429: 17 });
  await expectFull(
    responses.find(({ status }) => status === 429),
    "conversions",
  );
});

it("all sessions of a user count together", async () => {
  const { token, phone, password } = await signUp();
  const login = await apiWith({}, "/api/auth/login", { json: { phone, password } });
  const { accessToken } = (await login.json()) as { accessToken: string };
  const tokens = [token, accessToken];
  const responses = await times(10, (i) => upload(tokens[i % 2] ?? ""));
  expect(countStatuses(responses)).toEqual({ 201: 3, 429: 7 });
});

it("who is not signed in is refused before anything is counted", async () => {
  const response = await upload("x");
  expect(response.status).toBe(401);
  expect(response.headers.has("ratelimit")).toBe(false);
});
