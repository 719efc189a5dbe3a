import { stripVTControlCharacters } from "node:util";
import { afterAll, expect } from "vitest";
import { watch, watchedLines, watchFetch } from "./support/watched.ts";

watchFetch();

// After the file's own: what was started is stopped by then, and has said its last word.
afterAll(() => {
  expect(watch.leaks(watchedLines().map(stripVTControlCharacters))).toEqual([]);
});
