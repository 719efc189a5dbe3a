const HIGH_SURROGATE = /[\ud800-\udbff]$/;

/** Well-formed text of at most `maxChars` UTF-16 units: what is cut ends with an ellipsis, and in no half character. */
export function clipText(text: string, maxChars: number): string {
  // No more of a huge text is looked at than may stay.
  const whole = text.length <= maxChars ? text : `${text.slice(0, maxChars - 1).replace(HIGH_SURROGATE, "")}…`;
  return whole.toWellFormed();
}
