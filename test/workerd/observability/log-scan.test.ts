import { expect, it } from "vitest";
import { SecretWatch } from "../../support/secret-watch.ts";
import { api, newPhone, sendCode, signUp } from "../support/client.ts";
import { printed } from "../support/watched-log.ts";

it("the log that is scanned at the end of every file is the service's", async () => {
  await api("/api/health", { headers: { "X-Request-Id": "looked-for-in-the-log" } });
  expect(printed.some((line) => line.includes("looked-for-in-the-log"))).toBe(true);
});

it("what a scan looks for is what was sent and answered", async () => {
  const phone = newPhone();
  const { code } = await sendCode(phone);
  const { accessToken, refreshToken, password } = await signUp();
  const watch = new SecretWatch();
  watch.addBody({ phone, items: [{ code, text: `Your code is ${code}` }], accessToken, refreshToken, password });
  expect(watch.size).toBe(6);
  const picture = crypto.getRandomValues(new Uint8Array(5_000));
  watch.addPicture(picture);
  const lines = [
    `sent to ${phone}`,
    `sent to 0${phone.slice(3)}`,
    `{"smsCode":"${code}"}`,
    `otp=${code} ok`,
    `Bearer ${accessToken}`,
    `{"t":"${refreshToken}"}`,
    `password ${password}!`,
    `{"body":"${picture.toBase64()}"}`,
  ];
  for (const line of lines) expect(watch.leaks([line]), line).not.toEqual([]);
  expect(watch.leaks([`{"durationMs":${code}}`, `bytes=${code}`, "nothing at all"])).toEqual([]);
});
