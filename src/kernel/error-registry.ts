/** What every error of one code looks like to a client. `detail` is the text where the thrower gives none. */
export interface ErrorSpec {
  readonly status: number;
  readonly title: string;
  readonly detail: string;
}

/**
 * Every error code the HTTP API can answer, in one place: problem+json bodies and the OpenAPI document both read it.
 * The codes of a failed conversion's `error` are in `modules/conversions/failures.ts`.
 */
export const ERRORS = {
  malformed_request: { status: 400, title: "Malformed request", detail: "The request could not be parsed." },
  invalid_cursor: {
    status: 400,
    title: "Invalid cursor",
    detail: "The cursor was not issued for this list and these filters. Start again without one.",
  },
  invalid_code: {
    status: 400,
    title: "Invalid code",
    detail: "The code is wrong, expired or already used. Request a new one.",
  },
  invalid_verification_token: {
    status: 400,
    title: "Invalid verification token",
    detail: "The verification token is wrong, expired or already used. Verify the phone again.",
  },
  unauthenticated: {
    status: 401,
    title: "Not authenticated",
    detail: "A valid access token is needed in the Authorization header.",
  },
  invalid_credentials: {
    status: 401,
    title: "Invalid credentials",
    detail: "The phone, password or verification token is not right.",
  },
  invalid_refresh_token: {
    status: 401,
    title: "Invalid refresh token",
    detail: "The refresh token is wrong, used up or of a session that has ended. Log in again.",
  },
  quota_exceeded: {
    status: 402,
    title: "Quota exceeded",
    detail: "Every conversion of this period is used or reserved.",
  },
  forbidden: { status: 403, title: "Forbidden", detail: "This account may not do that." },
  wrong_password: { status: 403, title: "Wrong password", detail: "The current password is not right." },
  invalid_signature: {
    status: 403,
    title: "Invalid signature",
    detail: "The signed URL has expired or was altered. Fetch the resource again for a fresh one.",
  },
  not_found: { status: 404, title: "Not found", detail: "There is nothing at this address." },
  image_not_found: { status: 404, title: "Image not found", detail: "There is no such image in this account." },
  conversion_not_found: {
    status: 404,
    title: "Conversion not found",
    detail: "There is no such conversion in this account.",
  },
  session_not_found: { status: 404, title: "Session not found", detail: "There is no such session in this account." },
  circuit_not_found: { status: 404, title: "Circuit not found", detail: "There is no such circuit breaker." },
  dead_letter_not_found: { status: 404, title: "Dead letter not found", detail: "There is no such dead letter." },
  user_not_found: { status: 404, title: "User not found", detail: "There is no such user." },
  method_not_allowed: {
    status: 405,
    title: "Method not allowed",
    detail: "This address does not take that method; the Allow header lists those it takes.",
  },
  already_registered: {
    status: 409,
    title: "Already registered",
    detail: "This phone has an account. Log in instead.",
  },
  own_account: {
    status: 409,
    title: "Own account",
    detail: "Admins can't change their own role or standing. Ask another admin.",
  },
  image_in_use: {
    status: 409,
    title: "Image in use",
    detail: "A running conversion needs this image. Cancel the conversion or wait for it to end.",
  },
  invalid_transition: {
    status: 409,
    title: "Invalid transition",
    detail: "The present status does not allow that.",
  },
  idempotency_in_flight: {
    status: 409,
    title: "Request in flight",
    detail: "The first request with this Idempotency-Key is still running. Try again shortly.",
  },
  precondition_failed: {
    status: 412,
    title: "Precondition failed",
    detail: "The resource has changed since the version named in If-Match.",
  },
  body_too_large: {
    status: 413,
    title: "Body too large",
    detail: "The request body is larger than this address takes.",
  },
  image_too_large: { status: 413, title: "Image too large", detail: "An image may have 10,485,760 bytes at the most." },
  unsupported_media_type: {
    status: 415,
    title: "Unsupported media type",
    detail: "The Content-Type is not one this address takes.",
  },
  unsupported_image: {
    status: 415,
    title: "Unsupported image",
    detail: "Only JPEG, PNG and WebP pictures are accepted.",
  },
  range_not_satisfiable: {
    status: 416,
    title: "Range not satisfiable",
    detail: "The requested range lies outside the resource.",
  },
  validation_failed: { status: 422, title: "Validation failed", detail: "Some values are missing or not valid." },
  idempotency_mismatch: {
    status: 422,
    title: "Idempotency key reused",
    detail: "This Idempotency-Key was used for another request.",
  },
  invalid_image: { status: 422, title: "Invalid image", detail: "The picture is damaged or outside the limits." },
  rate_limited: {
    status: 429,
    title: "Too many requests",
    detail: "The limit for this is reached. The Retry-After header tells when to try again.",
  },
  too_many_attempts: {
    status: 429,
    title: "Too many attempts",
    detail: "Too many wrong passwords. Wait, or log in by a code sent to the phone.",
  },
  concurrency_limit: {
    status: 429,
    title: "Too many running conversions",
    detail: "Wait for a running conversion to end, or cancel one.",
  },
  internal_error: {
    status: 500,
    title: "Internal error",
    detail: "Something failed on our side. Quote the requestId when you report it.",
  },
  misconfigured: { status: 503, title: "Service misconfigured", detail: "The service is not configured correctly." },
  service_unavailable: {
    status: 503,
    title: "Service unavailable",
    detail: "Something the service depends on is not available. Try again shortly.",
  },
} as const satisfies Record<string, ErrorSpec>;

export type ErrorCode = keyof typeof ERRORS;
