/** What the FLUX.2 models take: a form, serialized, with the boundary in its content type. */
export interface MultipartInputs {
  readonly multipart: { readonly body: ReadableStream<Uint8Array>; readonly contentType: string };
}

export interface RunOptions {
  readonly signal: AbortSignal;
  readonly gateway?: { readonly id: string; readonly skipCache: true; readonly collectLog: false };
}

/**
 * The part of the AI binding that is used.
 *
 * It answers with parsed JSON where the content type is exactly `application/json`, with the stream of the body
 * otherwise. It throws an error whose message is `<code>: <description>` for what Workers AI refuses, with the whole
 * body as message where that is not the JSON it expects, and an `AiInternalError` for what it refuses to send
 * (https://github.com/cloudflare/workerd/blob/main/src/cloudflare/internal/ai-api.ts).
 */
export interface WorkersAiBinding {
  run(model: string, inputs: MultipartInputs, options: RunOptions): Promise<unknown>;
}
