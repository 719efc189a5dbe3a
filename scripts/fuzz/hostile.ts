/** Texts that have broken services before. */
import fc from "fast-check";

export const HOSTILE: readonly string[] = [
  "' OR '1'='1' --",
  '"; DROP TABLE users; --',
  "1; SELECT sqlite_version()",
  "x' UNION SELECT sql FROM sqlite_master--",
  "<script>alert(1)</script>",
  "javascript:alert(1)",
  "../../../../etc/passwd",
  "..%2f..%2fwrangler.toml",
  "%00",
  "%zz",
  "$" + "{7*7}",
  "{{constructor.constructor('return 1')()}}",
  "`id`",
  "$(sleep 5)",
  "__proto__",
  "constructor",
  "toString",
  "hasOwnProperty",
  "null",
  "undefined",
  "NaN",
  "-1",
  "1e309",
  "0x10",
  "true",
  "\u0000",
  "a\u0000b",
  "\ud800",
  "\udfff\ud800",
  "\u202etxt.exe",
  "\ufeff",
  "\u2028\u2029",
  "\r\nSet-Cookie: a=b",
  "\u0085",
  "ı İ ß ﬃ ǅ",
  "Z̸͔̈ä̵́l̴g̷o",
  "👩‍👩‍👧‍👦🏳️‍🌈",
  "۰۹۱۲۱۲۳۴۵۶۷",
  "٠٩١٢١٢٣٤٥٦٧",
  "０９１２１２３４５６７",
  "(((((((((((((((((((((((((((((((",
  "a".repeat(300),
  "字".repeat(2000),
  "0".repeat(1000),
  "9".repeat(400),
  " ",
  "\t\n",
];

/** A text of the list, or any at all, broken surrogates included. */
export const hostileText: fc.Arbitrary<string> = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom(...HOSTILE) },
  { weight: 1, arbitrary: fc.string({ unit: "binary", maxLength: 40 }) },
  {
    weight: 1,
    arbitrary: fc
      .array(fc.integer({ min: 0, max: 0xffff }), { maxLength: 20 })
      .map((units) => String.fromCharCode(...units)),
  },
);

/** Any JSON value, now and then a deep or a big one. */
export const hostileValue: fc.Arbitrary<unknown> = fc.oneof(
  hostileText,
  fc.jsonValue({ maxDepth: 3 }),
  fc.constantFrom(null, true, 0, -1, 1.5, 2 ** 53, -(2 ** 63), 1e300, [], {}, [[]], [null]),
  fc.integer({ min: 10, max: 400 }).map((depth) => {
    let value: unknown = "deep";
    for (let i = 0; i < depth; i++) value = i % 2 === 0 ? [value] : { a: value };
    return value;
  }),
);
