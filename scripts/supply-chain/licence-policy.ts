/** Which licences are accepted for what. A change here is a decision: give its reason. */

/** What asks for no more than a notice may be in what is shipped. */
export const SHIPPED = ["MIT", "ISC", "Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "0BSD"];

/** Of tools, which run on a developer's machine or in CI and of which nothing is shipped. */
export const TOOLS: Readonly<Record<string, string>> = {
  "Artistic-2.0": "npm, which comes with the `node` package",
  "BlueOak-1.0.0": "permissive",
  "CC-BY-3.0": "a list of SPDX exceptions, as data",
  "CC0-1.0": "public domain",
  "LGPL-3.0-or-later": "libvips, which `sharp` loads in tests as a library of its own",
  "MPL-2.0": "Lightning CSS, which Vite loads as a library of its own",
  "Python-2.0": "permissive",
  WTFPL: "permissive",
  Zlib: "permissive",
};

/** Licences of packages that name none, or not the right one, with what was read to know. None so far. */
export const CORRECTIONS: Readonly<Record<string, string>> = {};
