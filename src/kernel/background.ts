/** Runs work after the answer has been sent; it may be cut off, so nothing may depend on it alone. */
export type Background = (task: Promise<unknown>) => void;
