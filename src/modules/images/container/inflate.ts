/** What is handed over at once is inflated at once, to a thousand times its size. */
const SLICE_BYTES = 4_096;

/**
 * The chunks that zlib data (RFC 1950) inflate to, the data given in parts; no more is inflated than is asked for.
 * @throws when they can't be inflated.
 */
export async function* inflated(parts: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  const reader = slicesOf(parts).pipeThrough(new DecompressionStream("deflate")).getReader();
  try {
    for (let chunk = await reader.read(); !chunk.done; chunk = await reader.read()) yield chunk.value;
  } finally {
    await reader.cancel().catch(() => {});
  }
}

function slicesOf(parts: readonly Uint8Array[]): ReadableStream<Uint8Array<ArrayBuffer>> {
  let [index, at] = [0, 0];
  return new ReadableStream({
    pull(controller) {
      while (at >= (parts[index]?.length ?? Number.POSITIVE_INFINITY)) [index, at] = [index + 1, 0];
      const part = parts[index];
      if (part === undefined) return controller.close();
      controller.enqueue(part.slice(at, at + SLICE_BYTES));
      at += SLICE_BYTES;
    },
  });
}
