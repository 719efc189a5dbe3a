import { toTimestamp, toTimestampOrNull } from "../../kernel/clock.ts";
import { type SignedImageUrls, signImageUrls } from "../images/index.ts";
import type { Conversion } from "./conversion.ts";
import type { ConversionsDeps } from "./deps.ts";
import { FAILURES } from "./failures.ts";
import type { ConversionBody } from "./schemas.ts";
import { type Estimate, NO_ESTIMATE } from "./service/estimate-end.ts";

const FORMAT_OF = { "image/jpeg": "jpeg", "image/png": "png", "image/webp": "webp" } as const;

function outputOf(conversion: Conversion, urls: SignedImageUrls | null): ConversionBody["output"] {
  return conversion.result && urls && { ...conversion.result, ...urls };
}

function errorOf(conversion: Conversion): ConversionBody["error"] {
  return conversion.errorCode && { code: conversion.errorCode, ...FAILURES[conversion.errorCode] };
}

/** The wire form of a conversion, with fresh signed urls where there is a result. */
export async function serializeConversion(
  deps: Pick<ConversionsDeps, "clock" | "config" | "keyring">,
  conversion: Conversion,
  estimate: Estimate = NO_ESTIMATE,
): Promise<ConversionBody> {
  const urls = conversion.result ? await signImageUrls(deps, conversion.result.imageId) : null;
  const { kind, outputMime, providerRequested, ...input } = conversion.input;
  const self = `/api/conversions/${conversion.id}`;
  return {
    id: conversion.id,
    kind,
    status: conversion.status,
    stage: conversion.stage,
    progress: conversion.progress,
    queuePosition: estimate.queuePosition,
    estimatedCompletionAt: toTimestampOrNull(estimate.completesAt),
    input: { ...input, outputFormat: FORMAT_OF[outputMime] },
    provider: {
      requested: providerRequested,
      used: conversion.providerUsed,
      model: conversion.model,
      degraded: conversion.degraded,
    },
    attempt: conversion.attempt,
    output: outputOf(conversion, urls),
    error: errorOf(conversion),
    dataRemoved: conversion.dataRemoved,
    expiresAt: toTimestampOrNull(conversion.expiresAt),
    usage: conversion.usage,
    title: conversion.title,
    metadata: conversion.metadata,
    favorite: conversion.favorite,
    retryOf: conversion.retryOf,
    version: conversion.version,
    createdAt: toTimestamp(conversion.createdAt),
    queuedAt: toTimestamp(conversion.createdAt),
    startedAt: toTimestampOrNull(conversion.startedAt),
    completedAt: toTimestampOrNull(conversion.completedAt),
    deadlineAt: toTimestamp(conversion.deadlineAt),
    updatedAt: toTimestamp(conversion.updatedAt),
    urls: { self, cancel: `${self}/cancel` },
  };
}

/** The strong validator of a conversion: its version, so that fresh signatures on urls don't change it. */
export function conversionEtag(conversion: Pick<Conversion, "version">): string {
  return `"v${conversion.version}"`;
}
