const TAG = "user_wish";
export const WISH_START = `<${TAG}>`;
export const WISH_END = `</${TAG}>`;

const MAX_CHARACTERS = 500;

/** Angle brackets and what looks like them: NFKC has already turned their full-width and small forms into the first two. */
const BRACKETS = /[<>«»‹›≪≫≺≻⋖⋗❮❯❰❱⟨⟩⟪⟫⧼⧽〈〉《》ᐸᐳ˂˃]/gu;
/** The tag's name in any writing, so that nothing which spells an angle bracket (`&lt;`, `\u003c`) can complete a tag. */
const TAG_NAME = /user[\s\p{P}\p{C}]*wish/giu;
/** Control, format, private and unassigned characters and variation selectors. Joiners stay: Persian writes them. */
const UNSEEN = /(?!\u200c|\u200d)[\p{C}\p{Zl}\p{Zp}\p{Variation_Selector}]/gu;

/**
 * The user's words as they may stand in a quotation: one line, without characters that nobody sees, without anything like
 * the delimiters, and of bounded length.
 * @returns null where nothing is left to quote.
 */
export function cleanWish(words: string | null): string | null {
  if (words === null) return null;
  const visible = words.normalize("NFKC").replace(UNSEEN, " ");
  // Each leaves something in its place: what stood apart must not join into the tag.
  const plain = visible.replace(BRACKETS, " ").replace(TAG_NAME, "…").replace(/\s+/gu, " ").trim();
  const wish = [...plain].slice(0, MAX_CHARACTERS).join("").trim();
  return /[\p{L}\p{N}\p{S}\p{P}]/u.test(wish) ? wish : null;
}

/**
 * The user's words as a quotation that they can't leave. The delimiters are fixed, for a seed is to give the same picture
 * again.
 */
export function quoteWish(words: string | null): string | null {
  const wish = cleanWish(words);
  return wish === null ? null : `${WISH_START}${wish}${WISH_END}`;
}
