export interface Shown {
  readonly title: string;
  /** File names in `samples/`. */
  readonly inputs: readonly string[];
  /** A file name in `demo-output/`. */
  readonly result: string;
}

/** A page for `demo-output/` that shows each result beside what it was made from. */
export function contactSheet(shown: readonly Shown[]): string {
  const figure = (src: string, caption: string) =>
    `<figure><img src="${src}" alt="${caption}"><figcaption>${caption}</figcaption></figure>`;
  const rows = shown.map(({ title, inputs, result }) => {
    const before = inputs.map((name) => figure(`../samples/${name}`, name));
    return `<h2>${title}</h2>\n<div>${[...before, figure(result, result)].join("\n")}</div>`;
  });
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>AI Styler demo</title>
<style>
  body { font: 16px/1.4 system-ui, sans-serif; margin: 2rem auto; max-width: 70rem; padding: 0 1rem; }
  div { display: flex; flex-wrap: wrap; gap: 1rem; }
  figure { flex: 1 1 16rem; margin: 0; }
  img { background: #eee; border-radius: .5rem; width: 100%; }
  figcaption { color: #666; font-size: .85rem; }
</style>
<h1>AI Styler demo</h1>
${rows.join("\n")}
</html>
`;
}
