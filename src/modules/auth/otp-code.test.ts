import { expect, it } from "vitest";
import { newOtpCode, readOtpCode } from "./otp-code.ts";

it("draws every digit in every place equally often and keeps leading zeros", () => {
  const draws = 100_000;
  const counts = Array.from({ length: 6 }, () => new Array<number>(10).fill(0));
  for (let i = 0; i < draws; i++) {
    const code = newOtpCode();
    if (!/^\d{6}$/.test(code)) throw new Error(`not six digits: ${code}`);
    for (const [place, digit] of [...code].entries()) {
      const seen = counts[place] as number[];
      seen[Number(digit)] = (seen[Number(digit)] as number) + 1;
    }
  }
  // Nine degrees of freedom: χ² above 40 has a chance below 10⁻⁵ in a place.
  for (const place of counts) {
    const chiSquare = place.reduce((sum, seen) => sum + (seen - draws / 10) ** 2 / (draws / 10), 0);
    expect(chiSquare).toBeLessThan(40);
  }
});

it("throws away the numbers that would favour some codes", () => {
  const numbers = [4_294_967_295, 4_294_000_000, 4_293_999_999];
  expect(newOtpCode(() => numbers.shift() as number)).toBe("999999");
  expect(numbers).toHaveLength(0);
  expect(newOtpCode(() => 7)).toBe("000007");
});

it("reads six digits of any script and nothing else", () => {
  expect(readOtpCode("۰۱۲۳۴۵")).toBe("012345");
  expect(readOtpCode("٠١٢٣٤٥")).toBe("012345");
  for (const text of ["", "12345", "1234567", "12345a", " 12345", "123456\n", "12 456", "+12345"]) {
    expect(readOtpCode(text)).toBeNull();
  }
});
