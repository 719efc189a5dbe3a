import { expect, it } from "vitest";
import { listedTags } from "./if-match.ts";

it("no If-Match and a star let any version be changed", () => {
  expect([listedTags(null), listedTags("*"), listedTags(" * ")]).toEqual([null, null, null]);
});

it("every listed tag counts, a weakened one as the strong one it was", () => {
  expect(listedTags('"v1" , W/"v2","v3"')).toEqual(['"v1"', '"v2"', '"v3"']);
});

it("an empty If-Match lets no version be changed", () => {
  expect(listedTags("")).toEqual([""]);
});
