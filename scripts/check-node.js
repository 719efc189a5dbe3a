/** Preloaded by npm scripts: tells in words that this Node can't run TypeScript, instead of a stack trace. */
const [major = 0, minor = 0] = process.versions.node.split(".").map(Number);

if (major < 22 || (major === 22 && minor < 18)) {
  console.error(
    `This needs Node 22.18 or later and runs on ${process.version}.\n` +
      "`npm ci` installs Node 24 into node_modules/.bin, where npm scripts find it; use them (`npm run dev`, …).\n" +
      "If you see this from an npm script, the installation left out install scripts: run `npm rebuild node`.",
  );
  process.exit(1);
}
