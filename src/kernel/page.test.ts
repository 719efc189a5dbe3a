import { expect, it } from "vitest";
import { z } from "zod";
import { pageFields } from "./page.ts";

const limitOf = (limit?: unknown) => z.object(pageFields).safeParse(limit === undefined ? {} : { limit });

it("a list's limit is written in digits, 1 to 100, and 20 where it is left out", () => {
  expect([limitOf(), limitOf("1"), limitOf("007"), limitOf("100")].map(({ data }) => data?.limit)).toEqual([
    20, 1, 7, 100,
  ]);
});

it.each(["", " 5", "5 ", "+5", "-1", "1e1", "0x10", "1.5", "٥", ["5", "6"]])(
  "a limit of %j is refused with what to write instead",
  (limit) => {
    expect(limitOf(limit).error?.issues).toMatchObject([
      { path: ["limit"], code: "invalid_type", message: "Give a whole number, in digits." },
    ]);
  },
);

it.each(["0", "101", "99999999999999999999"])("a limit of %s is refused for its size", (limit) => {
  const issue = { code: expect.stringMatching(/^too_(small|big)$/), message: "Give 1 to 100." };
  expect(limitOf(limit).error?.issues[0]).toMatchObject(issue);
});
