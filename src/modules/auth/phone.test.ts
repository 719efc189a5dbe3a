import { expect, it } from "vitest";
import { normalizePhone, toAsciiDigits } from "./phone.ts";

const IRAN = { defaultCountry: "IR", countries: ["IR"] };
const E164 = "+989123456789";

it.each([
  "+989123456789",
  "09123456789",
  "00989123456789",
  "989123456789",
  "+98 (912) 345-67-89",
  "0912 345 6789",
  "۰۹۱۲۳۴۵۶۷۸۹",
  "٠٩١٢٣٤٥٦٧٨٩",
  "０９１２３４５６７８９",
  "+۹۸ ۹۱۲ ۳۴۵ ۶۷۸۹",
])("reads %s as one number", (text) => {
  expect(normalizePhone(text, IRAN)).toBe(E164);
});

it.each([
  ["a bare national number", "9123456789"],
  ["a landline", "02112345678"],
  ["a landline in international form", "+982112345678"],
  ["a stray national zero", "+9809123456789"],
  ["one digit too few", "0912345678"],
  ["one digit too many", "091234567890"],
  ["another country", "+447400123456"],
  ["a premium number", "+989621234567"],
  ["a letter", "0912345678a"],
  ["a zero-width space", "0912\u200b3456789"],
  ["a bidi mark", "\u202a09123456789"],
  ["a NUL", "09123456789\u0000"],
  ["a no-break space", "0912\u00a03456789"],
  ["a tab", "0912\t3456789"],
  ["an extension", "+989123456789;ext=1"],
  ["a second plus", "++989123456789"],
  ["Devanagari digits", "०९१२३४५६७८९"],
  ["nothing", ""],
  ["punctuation alone", "+()- "],
  ["10,000 characters", "0".repeat(10_000)],
])("refuses %s", (_, text) => {
  expect(normalizePhone(text, IRAN)).toBeNull();
});

it("accepts another country's mobile numbers once it is listed, but not its landlines", () => {
  const rules = { defaultCountry: "IR", countries: ["IR", "GB"] };
  expect(normalizePhone("+44 7400 123456", rules)).toBe("+447400123456");
  expect(normalizePhone("+44 20 7183 8750", rules)).toBeNull();
});

it("maps the digits of three scripts and nothing else", () => {
  expect(toAsciiDigits("۰۱۲۳۴۵۶۷۸۹٠١٢٣٤٥٦٧٨٩０１２３４５６７８９a-")).toBe("012345678901234567890123456789a-");
});
